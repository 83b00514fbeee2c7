import type { InboundPayload, TypingFrame } from "@om/protocol";
import type { Bus } from "../delivery/bus.ts";
import { frameOf } from "../delivery/push.ts";
import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import type { PresenceStore } from "./presence-store.ts";

/**
 * Tells the recipient's, or the other members', connected devices that the caller types, or stopped. Nothing is kept for others, nor
 * told during an outage, nor between people of whom one has blocked the other.
 */
export async function typing(
  deps: { store: PresenceStore; bus: Bus; now: Clock },
  caller: Caller,
  payload: InboundPayload<"typing">,
): Promise<void> {
  const groupId = payload.group_id ?? 0;
  const userIds = await recipients(deps.store, caller.userId, { recipientId: payload.recipient_id ?? 0, groupId });
  if (userIds.length === 0) return;
  const frame: TypingFrame = {
    type: "typing",
    sender_id: caller.userId,
    is_typing: payload.is_typing ?? false,
    timestamp: Math.floor(deps.now() / 1000),
    ...(groupId > 0 ? { conversation_id: `group_${groupId}` } : {}),
  };
  deps.bus.publish([{ userIds, frame: frameOf(() => frame), to: "all" }]);
}

async function recipients(
  store: PresenceStore,
  userId: number,
  { recipientId, groupId }: { recipientId: number; groupId: number },
): Promise<number[]> {
  try {
    if (groupId > 0) return await store.groupOthers(userId, groupId);
    return recipientId > 0 && (await store.isUnblocked(userId, recipientId)) ? [recipientId] : [];
  } catch (error) {
    if (error instanceof DatabaseUnavailable) return [];
    throw error;
  }
}
