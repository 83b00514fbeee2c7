import type { RouteBody, RouteOutput } from "@om/protocol";
import type { Bus } from "../delivery/bus.ts";
import { frameOf } from "../delivery/push.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { parseWireId } from "./conversation-ref.ts";
import type { SettingsStore } from "./settings-store.ts";

/**
 * How the caller keeps a conversation from now on; what is not said stays. The caller's devices that follow by cursor are told.
 * @throws OmError `invalid_conversation_id`, `invalid_time`, `conversation_not_found`
 */
export async function keepConversation(
  { settings: store, bus }: { settings: SettingsStore; bus: Bus },
  { userId }: Caller,
  { name, body }: { name: string; body: RouteBody<"keepConversation"> },
): Promise<RouteOutput<"keepConversation">> {
  const ref = parseWireId(name, userId);
  if (ref === undefined) throw new OmError("invalid_conversation_id");
  const { pinned, archived, muted_until: until } = body;
  const change = {
    ...(pinned === undefined ? {} : { pinned: pinned || null }),
    ...(archived === undefined ? {} : { archived: archived || null }),
    ...(until === undefined ? {} : { muted_until: parseTime(until) }),
  };
  const settings = await store.change(userId, ref, change);
  if (settings === undefined) throw new OmError("conversation_not_found");
  const told = { conversation_id: name, settings };
  bus.publish([{ userIds: [userId], frame: frameOf(() => ({ type: "settings_update", ...told })), to: "resuming" }]);
  return told;
}

/** As the wire has it; null: at no time. */
function parseTime(text: string | null): string | null {
  if (text === null || text === "") return null;
  const time = new Date(text);
  if (!/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(time.getTime())) throw new OmError("invalid_time");
  const wire = time.toISOString();
  if (wire.length !== 24) throw new OmError("invalid_time");
  return wire;
}
