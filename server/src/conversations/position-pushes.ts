import type { DeliveryUpdateFrame, GroupReadUpdateFrame, ReadUpdateFrame } from "@om/protocol";
import { frameOf, type Push } from "../delivery/push.ts";
import type { Moved } from "./position-store.ts";

/** A position that moved, for those who are to be told on every device, and for the user's own devices that follow by cursor. */
export function positionPushes(moved: Moved): Push[] {
  if (moved.group_id !== null) return groupPushes(moved, moved.group_id);
  const peerId = moved.peer_id ?? moved.user_id;
  const own: Push = { userIds: [moved.user_id], frame: frameOf(frameText(moved, peerId)), to: "resuming" };
  if (peerId === moved.user_id) return [own];
  return [{ userIds: [peerId], frame: frameOf(frameText(moved, moved.user_id)), to: "all" }, own];
}

/** What a member has received is that member's own affair; what was read the others see. */
function groupPushes(moved: Moved, groupId: number): Push[] {
  if (!moved.read_moved) return [];
  const update: GroupReadUpdateFrame = {
    type: "group_read_update",
    group_id: groupId,
    last_read_message_id: moved.read_message_id,
    user_id: moved.user_id,
  };
  const frame = frameOf(JSON.stringify(update));
  const others = (moved.members ?? []).filter((userId) => userId !== moved.user_id);
  return [
    { userIds: others, frame, to: "all" },
    { userIds: [moved.user_id], frame, to: "resuming" },
  ];
}

/** @param namedAfter the other person of the conversation as the receiver sees it */
function frameText(moved: Moved, namedAfter: number): string {
  const where = { conversation_id: `user_${namedAfter}`, ver: moved.ver, seq: moved.seq, user_id: moved.user_id };
  const frame: ReadUpdateFrame | DeliveryUpdateFrame = moved.read_moved
    ? { type: "read_update", ...where, last_read_message_id: moved.read_message_id }
    : { type: "delivery_update", ...where, last_delivered_message_id: moved.delivered_message_id };
  return JSON.stringify(frame);
}
