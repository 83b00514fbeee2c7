import type { Redis } from "../platform/redis/redis.ts";
import { inCalls } from "./calls.ts";
import { packRecords } from "./entry.ts";
import type { CacheEvents, PostResult } from "./events.ts";
import type { Memory } from "./memory.ts";
import { lifetime } from "./lifetime.ts";
import { scripts } from "./scripts.ts";
import type { Source } from "./source.ts";

/** A cached object that a transaction changed; its lock is held. */
export interface Changed {
  key: string;
  /** Version after the transaction. */
  ver: number;
  /** It is noted as dirty already: its mark may be in an epoch that is over. */
  noted?: boolean;
  /** What to append once it is committed, so that the entry stays warm; without it the entry is read anew. */
  post?: Post | undefined;
}

export interface Post {
  source: Pick<Source<never, never>, "ttlMs" | "maxBytes" | "maxRecords">;
  /** Version before the transaction. */
  prev: number;
  records: readonly unknown[];
  /** Called when the entry has become long. */
  compact: () => Promise<void>;
}

/** How long a transaction waits for its marks, in ms. */
const markDeadline = 15;
/** How long a post may take, in ms; nobody waits for it. */
const postDeadline = 200;

export interface Marks {
  /** Says in Redis which versions may be committed from now on; true: every key was marked in time. */
  mark(changed: readonly Changed[], epoch: number): Promise<boolean>;
  /** After the commit. Nobody waits for it, and nothing depends on it. */
  follow(changed: readonly Changed[], epoch: number | null, acked: boolean): void;
}

export function createMarks(deps: {
  redis: Redis | undefined;
  memory: Memory;
  events: CacheEvents;
  /** Wall clock, in ms. */
  now: () => number;
  pause: (ms: number) => Promise<void>;
}): Marks {
  const { redis, memory, events } = deps;

  async function ask(changed: readonly Changed[], epoch: number): Promise<boolean> {
    const outcomes = await Promise.allSettled(
      inCalls(changed, redis).map(async (part) => {
        const keys = part.map(({ key }) => key);
        await redis?.script(markDeadline, scripts.mark, keys, [epoch, ...part.map(({ ver }) => ver)]);
      }),
    );
    return outcomes.every(({ status }) => status === "fulfilled");
  }

  async function mark(changed: readonly Changed[], epoch: number): Promise<boolean> {
    const started = performance.now();
    const acked = await ask(changed, epoch);
    events.marked(acked ? "acked" : "unacked", (performance.now() - started) / 1000);
    return acked;
  }

  async function post(part: readonly (Post & { key: string; ver: number })[], epoch: number): Promise<void> {
    const keys = part.map(({ key }) => key);
    const args = part.flatMap(({ ver, prev, records, source }) => {
      const ttl = lifetime(source.ttlMs);
      const { maxBytes, maxRecords } = source;
      return [prev, ver, records.length, packRecords(records), ttl, maxBytes / 2, maxRecords, deps.now() + ttl];
    });
    try {
      const replies = await redis?.script(postDeadline, scripts.post, keys, [epoch, ...args]);
      for (const [index, reply] of (replies as number[]).entries()) {
        events.posted(resultOf(reply), 1);
        if (reply === 2) part[index]?.compact().catch(() => events.posted("failed", 1));
      }
    } catch {
      events.posted("failed", part.length);
    }
  }

  /** Every node kills what is noted in the database; this is only sooner. */
  async function killLater(changed: readonly Changed[], epoch: number): Promise<void> {
    for (const wait of [0, 5, 20, 80]) {
      if (wait > 0) await deps.pause(wait);
      if (redis?.usable === true && (await ask(changed, epoch))) return;
    }
  }

  return {
    mark,
    follow(changed, epoch, acked) {
      for (const { key, ver } of changed) memory.raise(key, ver);
      if (epoch === null || redis === undefined) return;
      if (!acked) {
        void killLater(changed, epoch);
        return;
      }
      const posts = changed.flatMap(({ key, ver, post: one }) => (one === undefined ? [] : [{ key, ver, ...one }]));
      for (const part of inCalls(posts, redis)) void post(part, epoch);
    },
  };
}

function resultOf(reply: number): PostResult {
  if (reply === 0) return "absent";
  if (reply === -1) return "gap";
  return reply === 2 ? "compact" : "done";
}
