import type { UserViews } from "../accounts/user-view.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { Hub } from "../delivery/hub.ts";
import { frameOf, type Push } from "../delivery/push.ts";
import { chunks } from "../platform/chunks.ts";
import { messageFrame } from "./message-frames.ts";
import type { MessageStore } from "./message-store.ts";
import type { MissedStore, PlacedMessage } from "./missed-store.ts";

interface Deps {
  missed: MissedStore;
  store: Pick<MessageStore, "one">;
  views: UserViews;
  hub: Pick<Hub, "isOnline" | "deliver">;
}

/** None is committed later after its id was drawn, as statements have deadlines; in ms. */
const commitWithinMs = 15_000;
/** Sweeps that look at a message: until it must be committed. */
const looks = 3;
/** Pushes that one sweep makes up for; the rest is for the next ones, while they look at it. */
const maxMissed = 2_000;
/** Messages whose members are read at once: 10,000 of each at most. */
const placedAtOnce = 50;
/** Messages between two sweeps of which is known that they came; beyond it nothing is made up for. */
const maxHeard = 500_000;
/** Reads that go side by side. */
const parallel = 4;

/**
 * Makes up for pushes that never came, because the node that should have sent them died, or what lies between was away: every sweep looks in
 * the database for messages that were stored before the last one and were not pushed here, and pushes them to this node's sockets.
 * With a sweep each 10 s a device that is connected has every message within 30 s.
 */
export function createMissedPushes(deps: Deps) {
  /** Newest id at each of the last sweeps, and what was pushed here since; the latest first. */
  let sweeps: { newest: number; heard: Set<number> }[] = [];
  const isHeard = (id: number): boolean => sweeps.some(({ heard }) => heard.has(id));
  /** What was made up for; its push may come all the same. */
  let late = new Set<number>();

  return {
    /** Takes notice of a push before its sockets get it. False: they have had it. */
    take({ message }: Push): boolean {
      const [last] = sweeps;
      if (message === undefined || last === undefined) return true;
      if (late.has(message.id)) return false;
      last.heard.add(message.id);
      return true;
    },
    async sweep(): Promise<void> {
      if ((sweeps[0]?.heard.size ?? 0) > maxHeard) sweeps = [];
      const { newest, ids } = await deps.missed.between(sweeps.at(-1)?.newest ?? 0, sweeps[0]?.newest ?? 0);
      late = new Set(ids.filter((id) => late.has(id)));
      await pushAll(ids.filter((id) => !isHeard(id) && !late.has(id)));
      sweeps = [{ newest, heard: new Set<number>() }, ...sweeps.slice(0, looks)];
    },
  };

  async function pushAll(missing: readonly number[]): Promise<void> {
    let left = maxMissed;
    for (const ids of chunks(missing, placedAtOnce)) {
      for (const one of await deps.missed.placed(ids)) {
        left -= await pushMissed(one);
        if (left <= 0) return;
      }
    }
  }

  /** @returns how many pushes it took */
  async function pushMissed(message: PlacedMessage): Promise<number> {
    const here = message.user_ids.filter(deps.hub.isOnline);
    const pushes: Push[] = [];
    for (const some of chunks(here, parallel))
      pushes.push(...(await Promise.all(some.map((userId) => pushTo(message, userId)))).flat());
    if (isHeard(message.id)) return pushes.length;
    late.add(message.id);
    for (const push of pushes) deps.hub.deliver(push);
    return pushes.length;
  }

  async function pushTo(placed: PlacedMessage, userId: number): Promise<Push[]> {
    const { id, seq, conversation_id: conversationId } = placed;
    const row = await deps.store.one(id, userId);
    const [message] =
      row === undefined ? [] : toMessages(row, userId, deps.views, await deps.views.lookup(row.profiles));
    if (message === undefined) return [];
    const to = userId === placed.sender_id && !placed.is_note ? "resuming" : "all";
    const frame = frameOf(() => messageFrame(message));
    // Whoever came after the commit was told what waited; who was told both knows by seq and version.
    const openedBefore = placed.sent_at + commitWithinMs;
    return [{ userIds: [userId], frame, to, message: { conversationId, seq, id }, openedBefore }];
  }
}
