import type { InboundPayload, TypingFrame } from "@om/protocol";
import type { Bus } from "../delivery/bus.ts";
import { frameOf } from "../delivery/push.ts";
import type { Clock } from "../platform/clock.ts";
import type { FrameSource } from "../platform/frame-handlers.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import type { PresenceStore } from "./presence-store.ts";

interface Deps {
  store: PresenceStore;
  bus: Bus;
  now: Clock;
}

/** One of the two is 0. */
interface Target {
  recipientId: number;
  groupId: number;
}

/** Of one socket, where its user may be typing at once; of more the oldest are not ended with it. */
const maxTargets = 20;

/**
 * Tells the recipient's, or the other members', connected devices that the caller types, or stopped; when a socket closes, what it began
 * ends. Only those are told to whom the caller has written, and nobody with whom there is a block. Nothing is kept for others, nor told
 * during an outage.
 */
export function createTyping(deps: Deps) {
  /** By socket. */
  const typed = new Map<string, Map<string, Target>>();

  return async (
    source: Pick<FrameSource, "caller" | "id" | "onClose">,
    payload: InboundPayload<"typing">,
  ): Promise<void> => {
    const { userId } = source.caller;
    const target = { recipientId: payload.recipient_id ?? 0, groupId: payload.group_id ?? 0 };
    const isTyping = payload.is_typing ?? false;
    if (!(await tell(deps, userId, { ...target, isTyping }))) return;
    const [key, known] = [`${target.recipientId}/${target.groupId}`, typed.get(source.id)];
    known?.delete(key);
    if (!isTyping) return;
    if (known !== undefined) {
      known.set(key, target);
      const [oldest = ""] = known.keys();
      if (known.size > maxTargets) known.delete(oldest);
      return;
    }
    const targets = new Map([[key, target]]);
    typed.set(source.id, targets);
    source.onClose(async () => {
      typed.delete(source.id);
      for (const one of targets.values()) await tell(deps, userId, { ...one, isTyping: false });
    });
  };
}

/** @returns whether anybody was told */
async function tell(
  { store, bus, now }: Deps,
  userId: number,
  { recipientId, groupId, isTyping }: Target & { isTyping: boolean },
): Promise<boolean> {
  const userIds = await recipients(store, userId, { recipientId, groupId });
  if (userIds.length === 0) return false;
  const frame: TypingFrame = {
    type: "typing",
    sender_id: userId,
    is_typing: isTyping,
    timestamp: Math.floor(now() / 1000),
    ...(groupId > 0 ? { conversation_id: `group_${groupId}` } : {}),
  };
  bus.publish([{ userIds, frame: frameOf(() => frame), to: "all" }]);
  return true;
}

async function recipients(store: PresenceStore, userId: number, { recipientId, groupId }: Target): Promise<number[]> {
  try {
    if (groupId > 0) return await store.groupOthers(userId, groupId);
    return recipientId > 0 && (await store.mayTell(userId, recipientId)) ? [recipientId] : [];
  } catch (error) {
    if (error instanceof DatabaseUnavailable) return [];
    throw error;
  }
}
