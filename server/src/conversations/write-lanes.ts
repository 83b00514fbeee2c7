import { OmError } from "../platform/om-error.ts";
import type { ConversationRef } from "./conversation-ref.ts";

/**
 * Natural batching: a lane runs one batch at a time, and whatever arrives meanwhile makes the next one, without a timer. Items of
 * one key share a lane and keep their order.
 */
export interface Lanes<Item, Result> {
  /** @throws OmError `unavailable` when the lane is full or the item waited too long, or what `execute` threw for it */
  run(key: number, item: Item): Promise<Result>;
  /** Items that wait or run, of all lanes. */
  depth(): number;
  /** Resolves when no item waits or runs. New ones are still taken. */
  idle(): Promise<void>;
}

export interface LanesOptions<Item, Result> {
  lanes: number;
  maxBatch: number;
  /** Items that may wait in one lane. */
  maxWaiting: number;
  /** How long an item may wait for its batch to begin, in ms. */
  maxWaitMs: number;
  now: () => number;
  /** @returns one result per item, in order. When it throws, the items of the batch are tried once more, one by one. */
  execute(items: Item[]): Promise<Result[]>;
}

interface Waiting<Item, Result> {
  item: Item;
  since: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export function createLanes<Item, Result>(options: LanesOptions<Item, Result>): Lanes<Item, Result> {
  const lanes = Array.from({ length: options.lanes }, () => ({
    waiting: [] as Waiting<Item, Result>[],
    running: 0,
  }));
  let idleWaiters: (() => void)[] = [];
  const depth = (): number => lanes.reduce((sum, lane) => sum + lane.waiting.length + lane.running, 0);

  async function execute(batch: Waiting<Item, Result>[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const results = await options.execute(batch.map(({ item }) => item));
      batch.forEach((entry, index) => entry.resolve(results[index] as Result));
    } catch (error) {
      // One bad item must not take the others with it, nor a slow one make them wait for ever.
      if (batch.length > 1 && !(error instanceof OmError))
        for (const entry of batch) await execute(withoutExpired([entry]));
      else for (const entry of batch) entry.reject(error);
    }
  }

  /** Refuses those that waited too long. */
  function withoutExpired(entries: Waiting<Item, Result>[]): Waiting<Item, Result>[] {
    const oldest = options.now() - options.maxWaitMs;
    for (const entry of entries) if (entry.since < oldest) entry.reject(new OmError("unavailable"));
    return entries.filter(({ since }) => since >= oldest);
  }

  async function drain(lane: (typeof lanes)[number]): Promise<void> {
    while (lane.waiting.length > 0) {
      const taken = lane.waiting.splice(0, options.maxBatch);
      lane.running = taken.length;
      await execute(withoutExpired(taken));
      lane.running = 0;
    }
    if (depth() > 0) return;
    const waiters = idleWaiters;
    idleWaiters = [];
    for (const wake of waiters) wake();
  }

  return {
    run(key, item) {
      const lane = lanes[Math.abs(key) % lanes.length];
      if (lane === undefined || lane.waiting.length >= options.maxWaiting) {
        return Promise.reject(new OmError("unavailable"));
      }
      return new Promise((resolve, reject) => {
        lane.waiting.push({ item, since: options.now(), resolve, reject });
        // Let what arrived in this turn gather before the first batch leaves.
        if (lane.running === 0 && lane.waiting.length === 1) setImmediate(() => void drain(lane));
      });
    },
    depth,
    idle: () => (depth() === 0 ? Promise.resolve() : new Promise((resolve) => idleWaiters.push(resolve))),
  };
}

/** Spreads conversations over write lanes; a whole number. */
export function laneKey(ref: ConversationRef): number {
  const [a, b] = "groupId" in ref ? [0, ref.groupId] : [ref.lo, ref.hi];
  const mixed = Math.imul(a | 0, 0x9e3779b1) ^ Math.imul(b | 0, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
