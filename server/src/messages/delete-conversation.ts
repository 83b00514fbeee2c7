import type { ReadUpdateFrame } from "@om/protocol";
import { parseWireId } from "../conversations/conversation-ref.ts";
import { frameOf, pushesTo, type Push } from "../delivery/push.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { MessageDeps } from "./deps.ts";
import { requireDone, type ClearedConversation } from "./revision-store.ts";
import { audience, clearFrame } from "./message-frames.ts";

/**
 * Deletes what a conversation holds so far, for the caller or for everybody; whom the other has blocked deletes only the own side. What is
 * written later shows again.
 * @throws OmError `conversation_not_found`, `forbidden`
 */
export async function deleteConversation(
  deps: Pick<MessageDeps, "conversations" | "revisions" | "bus" | "erase">,
  caller: Caller,
  { name, everyone, atOnce }: { name: string | undefined; everyone: boolean; atOnce: boolean },
): Promise<{ ok: boolean }> {
  const ref = parseWireId(name ?? "", caller.userId);
  const participant = ref === undefined ? undefined : await deps.conversations.participant(ref, caller.userId);
  // Two people who never wrote have nothing to delete.
  if (participant === undefined && ref !== undefined && "lo" in ref) return { ok: true };
  if (participant === undefined) throw new OmError("conversation_not_found");
  const outcome = await deps.revisions.clear(caller.userId, participant.conversation_id, everyone);
  const cleared = requireDone<ClearedConversation>(outcome, "conversation_not_found");
  const all = audience(cleared, caller.userId);
  const to = cleared.everyone ? all : { ...all, others: [] };
  deps.bus.publish(pushesTo(to, (viewerId) => clearFrame(cleared, cleared.ver, viewerId), { ordered: true }));
  // Whoever deletes their own side has read it, which is the change of this version to the other.
  if (!cleared.everyone && cleared.read_message_id !== null) deps.bus.publish([readPush(cleared, caller.userId)]);
  await deps.erase({ conversationId: participant.conversation_id }, atOnce);
  return { ok: true };
}

function readPush({ lo, hi, ver, seq, read_message_id: read }: ClearedConversation, byId: number): Push {
  const frame: ReadUpdateFrame = {
    type: "read_update",
    conversation_id: `user_${byId}`,
    user_id: byId,
    last_read_message_id: read ?? 0,
    ver,
    seq,
  };
  return { userIds: [(lo === byId ? hi : lo) ?? byId], frame: frameOf(() => frame), to: "all" };
}
