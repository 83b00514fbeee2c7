import type { OutboundFrame } from "@om/protocol";
import { pushesTo, type Push } from "../delivery/push.ts";
import { wireIdOf } from "./conversation-ref.ts";
import type { AdvancedPosition } from "./position-store.ts";

/**
 * A position that moved, for those who are to be told on every device, and for the user's own devices that follow by cursor. In a group
 * what a member has received is that member's own affair; what was read the others see, but for those with whom there is a block; in a large group many reads at once (gather-reads.ts).
 */
export function positionPushes(moved: AdvancedPosition): Push[] {
  const { user_id: byId, peer_id: peerId, group_id: groupId } = moved;
  if (groupId !== null && !moved.read_moved) return [];
  const all = moved.members ?? (groupId === null ? [peerId ?? byId] : []);
  const others = all.filter((userId) => userId !== byId);
  return pushesTo({ others, byId, shared: groupId !== null }, (viewerId) => positionFrame(moved, viewerId));
}

export function positionFrame(moved: AdvancedPosition, viewerId: number): OutboundFrame {
  const { user_id, peer_id, group_id, ver, seq, read_message_id, delivered_message_id } = moved;
  if (group_id !== null) {
    return { type: "group_read_update", group_id, last_read_message_id: read_message_id, user_id };
  }
  const conversation_id = wireIdOf({ lo: user_id, hi: peer_id ?? user_id, group_id }, viewerId);
  const where = { conversation_id, ver, seq, user_id };
  return moved.read_moved
    ? { type: "read_update", ...where, last_read_message_id: read_message_id }
    : { type: "delivery_update", ...where, last_delivered_message_id: delivered_message_id };
}
