import type { Redis } from "../platform/redis/redis.ts";
import { splitCalls } from "./script-calls.ts";
import { packRecords } from "./entry.ts";
import type { CacheEvents, PostResult } from "./events.ts";
import { jitteredTtl } from "./jittered-ttl.ts";
import { scripts } from "./scripts.ts";
import type { Source } from "./source.ts";

/** What to append to an entry once the change is committed. */
export interface Post {
  source: Pick<Source<never, never>, "ttlMs" | "maxBytes" | "maxRecords">;
  /** Version before the transaction. */
  prev: number;
  /** A Buffer is a record that is packed already. */
  records: readonly unknown[];
  /** Called when the entry has become long. */
  compact: () => Promise<void>;
}

export interface KeyedPost extends Post {
  key: string;
  /** Version after the transaction. */
  ver: number;
}

/** How long a post may take, in ms; nobody waits for it. */
const deadline = 200;
/** After so many ms a post that came too early is tried again: what another node has committed before may come after. */
const again: readonly number[] = [5, 20];

/** Appends committed changes to entries that have everything before them. It does not throw. */
export function createPosts(deps: {
  redis: Redis;
  events: CacheEvents;
  /** Wall clock, in ms. */
  now: () => number;
  pause: (ms: number) => Promise<void>;
}): (posts: readonly KeyedPost[], epoch: number) => void {
  const { redis, events } = deps;

  async function send(part: readonly KeyedPost[], epoch: number, pauses: readonly number[]): Promise<void> {
    const args = part.flatMap(({ ver, prev, records, source }) => {
      const ttl = jitteredTtl(source.ttlMs);
      const { maxBytes, maxRecords } = source;
      return [prev, ver, records.length, packRecords(records), ttl, maxBytes / 2, maxRecords, deps.now() + ttl];
    });
    const keys = part.map(({ key }) => key);
    const replies = await redis.script(deadline, scripts.post, keys, [epoch, ...args]).catch(() => undefined);
    if (!Array.isArray(replies)) return events.posted("failed", part.length);
    const early: KeyedPost[] = [];
    for (const [index, one] of part.entries()) {
      const reply = Number(replies[index]);
      if (reply === -1 && pauses.length > 0) early.push(one);
      else events.posted(resultOf(reply), 1);
      if (reply === 2) one.compact().catch(() => events.posted("failed", 1));
    }
    const [pause, ...later] = pauses;
    if (early.length === 0 || pause === undefined) return;
    await deps.pause(pause);
    for (const some of splitCalls(early, redis)) start(some, epoch, later);
  }

  const start = (part: readonly KeyedPost[], epoch: number, pauses = again): void =>
    void send(part, epoch, pauses).catch(() => events.posted("failed", part.length));

  return (posts, epoch) => {
    for (const part of splitCalls(posts, redis)) start(part, epoch);
  };
}

function resultOf(reply: number): PostResult {
  if (reply === 0) return "absent";
  if (reply === -1) return "gap";
  return reply === 2 ? "compact" : "done";
}
