import type { InboundPayload, RouteOutput } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { FrameRefusal, OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";

/** The `group_read` frame: as POST /api/groups/:id/read, answered only when it is refused. */
export async function groupReadFrame(
  read: (caller: Caller, asked: { groupId: number; messageId: number }) => Promise<RouteOutput<"groupRead">>,
  caller: Caller,
  payload: InboundPayload<"group_read">,
): Promise<void> {
  const groupId = payload.group_id ?? 0;
  if (groupId === 0) throw new FrameRefusal("missing_group_id");
  try {
    await read(caller, { groupId, messageId: payload.last_read_message_id ?? 0 });
  } catch (error) {
    if (error instanceof DatabaseUnavailable) throw new FrameRefusal("mark_group_read_failed");
    if (!(error instanceof OmError)) throw error;
    if (error.code === "not_group_member" || error.code === "invalid_message_id") throw new FrameRefusal(error.code);
    throw new FrameRefusal("mark_group_read_failed");
  }
}
