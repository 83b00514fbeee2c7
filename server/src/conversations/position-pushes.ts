import type { DeliveryUpdateFrame, ReadUpdateFrame } from "@om/protocol";
import { frameOf, type Push } from "../delivery/push.ts";
import type { Moved } from "./position-store.ts";

/** A position that moved, for its author-to-be-told (every device) and for the user's own devices that follow by cursor. */
export function positionPushes(moved: Moved): Push[] {
  const own: Push = { userIds: [moved.user_id], frame: frameOf(frameText(moved, moved.peer_id)), to: "resuming" };
  if (moved.peer_id === moved.user_id) return [own];
  return [{ userIds: [moved.peer_id], frame: frameOf(frameText(moved, moved.user_id)), to: "all" }, own];
}

/** @param namedAfter the other person of the conversation as the receiver sees it */
function frameText(moved: Moved, namedAfter: number): string {
  const where = { conversation_id: `user_${namedAfter}`, ver: moved.ver, seq: moved.seq, user_id: moved.user_id };
  const frame: ReadUpdateFrame | DeliveryUpdateFrame = moved.read_moved
    ? { type: "read_update", ...where, last_read_message_id: moved.read_message_id }
    : { type: "delivery_update", ...where, last_delivered_message_id: moved.delivered_message_id };
  return JSON.stringify(frame);
}
