import type { Redis } from "../platform/redis/redis.ts";
import { splitCalls } from "./script-calls.ts";
import { countersOf } from "./counters.ts";
import type { CacheEvents } from "./events.ts";
import type { Memory } from "./memory.ts";
import { createPosts, type Post } from "./posts.ts";
import { scripts } from "./scripts.ts";

/** A cached object that a transaction changed; its lock is held. */
export interface Invalidation {
  key: string;
  /** Version after the transaction. */
  ver: number;
  /** What to append once it is committed, made when it is needed, so that the entry stays warm; without it the entry is read anew. */
  post?: (() => Post) | undefined;
}

/** Keys of entries to which something can be appended. */
export type Marked = ReadonlySet<string>;

/** How long a transaction waits for its marks, in ms. */
const markDeadline = 15;
export interface Marks {
  /** Says in Redis which versions may be committed from now on. @returns whose entry has a body; undefined: not every key was marked in time */
  mark(changed: readonly Invalidation[], epoch: number): Promise<Marked | undefined>;
  /** After the commit. Nobody waits for it, and nothing depends on it. */
  committed(changed: readonly Invalidation[], epoch: number | null, marked: Marked | undefined): void;
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
  const post = redis === undefined ? undefined : createPosts({ ...deps, redis });

  async function ask(changed: readonly Invalidation[], epoch: number): Promise<Marked | undefined> {
    const withBody = new Set<string>();
    const outcomes = await Promise.allSettled(
      splitCalls(changed, redis).map(async (part) => {
        const keys = part.map(({ key }) => key);
        const counters = redis === undefined ? [] : countersOf(keys, redis);
        const vers = part.map(({ ver }) => ver);
        const bodies = await redis?.script(markDeadline, scripts.mark, [...keys, ...counters], [epoch, ...vers]);
        for (const [i, key] of keys.entries()) if (String(bodies)[i] === "1") withBody.add(key);
      }),
    );
    return outcomes.every(({ status }) => status === "fulfilled") ? withBody : undefined;
  }

  async function mark(changed: readonly Invalidation[], epoch: number): Promise<Marked | undefined> {
    const started = performance.now();
    const marked = await ask(changed, epoch);
    events.marked(marked ? "acked" : "unacked", (performance.now() - started) / 1000);
    return marked;
  }

  /** Every node marks what has a dirty row; this is only sooner. */
  async function markAgain(changed: readonly Invalidation[], epoch: number): Promise<void> {
    for (const wait of [0, 5, 20, 80]) {
      if (wait > 0) await deps.pause(wait);
      if (redis?.usable === true && (await ask(changed, epoch))) return;
    }
  }

  return {
    mark,
    committed(changed, epoch, marked) {
      for (const { key, ver } of changed) memory.raiseFloor(key, ver);
      if (epoch === null || post === undefined) return;
      if (marked === undefined) {
        void markAgain(changed, epoch);
        return;
      }
      const appendable = changed.filter((one) => one.post !== undefined);
      const posts = appendable.flatMap(({ key, ver, post: make }) =>
        make === undefined || !marked.has(key) ? [] : [{ key, ver, ...make() }],
      );
      if (posts.length < appendable.length) events.posted("absent", appendable.length - posts.length);
      post(posts, epoch);
    },
  };
}
