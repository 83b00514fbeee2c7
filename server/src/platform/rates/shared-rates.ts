import { createHmac, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { chunks } from "../chunks.ts";
import type { Redis, Reply, Script } from "../redis/redis.ts";
import type { BucketSize } from "../token-bucket.ts";

/*
 * rate:user:<user>:buckets    HASH kind -> level and time: what all nodes together have left of the user's allowances; until they are full again
 * rate:user:<user>:minute     STRING, 60 s: how much the user has done, for operators
 * rate:user:<user>:<window>   STRING, as long as the window: uploads
 * rate:address:<hash>:<window>   STRING, as long as the window: logins and whatever else counts per address
 * In a cluster <user> stands in braces, so that both keys of a script lie in one slot.
 */
const load = (name: string): Script => ({
  name,
  source: readFileSync(new URL(`../../../src/platform/rates/${name}.lua`, import.meta.url), "utf8"),
});
const [spend, countOne] = [load("spend"), load("count")];
/** For Redis to know before they are called. */
export const rateScripts: readonly Script[] = [spend, countOne];

/** How long what users have spent gathers, in ms. */
const tellEveryMs = 100;
/** Users of one script call: about 0.3 ms of Redis' time. */
const usersPerCall = 20;
/** How long Redis may take to count an attempt, and to hear what was spent, for which nobody waits; in ms. */
const [deadlineMs, tellDeadlineMs] = [20, 250];

/** The allowances of one user on this node; see allowances.ts. */
interface Spender {
  readonly userId: number;
  tell(): { count: number; buckets: { kind: string; spent: number; size: BucketSize }[] };
  lower(kind: string, level: number): void;
}

/** Who is counted: a user, or an address, which Redis is not told in clear. */
export type Counted = { userId: number } | { address: string };

/**
 * What all nodes count together. Without Redis, before `start` and while it is away, each counts for itself.
 *
 * Of allowances a node decides at once by what it knows, and tells within 100 ms, at once after a tenth of a burst. So on n nodes a user gets
 * at most n - 1 times a tenth of a burst more than on one, and what comes during one answer of Redis; it is taken off what comes later.
 */
export function createSharedRates() {
  let on: { redis: Redis; hidden: (text: string) => string } | undefined;
  const untold = new Set<Spender>();
  let timer: NodeJS.Timeout | undefined;
  let isTelling = false;

  /** A few users after the others: whatever else is asked of Redis comes in between. */
  async function tellAll(redis: Redis): Promise<void> {
    const users = [...untold];
    untold.clear();
    isTelling = true;
    for (const part of chunks(users, usersPerCall)) {
      await Promise.all(chunks(part, redis.isSharded ? 1 : usersPerCall).map((some) => tell(redis, some)));
    }
    isTelling = false;
    if (untold.size > 0) timer ??= setTimeout(flush, tellEveryMs).unref();
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (on !== undefined && !isTelling) void tellAll(on.redis);
  }

  return {
    /** @param secret the same on all nodes */
    start(redis: Redis, secret: string): void {
      const key = Buffer.from(hkdfSync("sha256", secret, "", "om rates", 32));
      on = { redis, hidden: (text) => createHmac("sha256", key).update(text).digest("base64url").slice(0, 22) };
    },
    /** A user has spent something. @param isMuch it cannot wait to be told */
    spent(allowance: Spender, isMuch: boolean): void {
      if (on === undefined) return;
      if (isMuch) {
        untold.delete(allowance);
        void tell(on.redis, [allowance]);
        return;
      }
      untold.add(allowance);
      timer ??= setTimeout(flush, tellEveryMs).unref();
    },
    /** Counts one more in a window. @returns the count of all nodes and when it ends, in ms; undefined: Redis does not tell */
    async count(
      window: string,
      who: Counted,
      windowMs: number,
    ): Promise<{ count: number; leftMs: number } | undefined> {
      if (on?.redis.usable !== true) return undefined;
      const of = "userId" in who ? `user:${who.userId}` : `address:${on.hidden(who.address)}`;
      const reply = await on.redis.script(deadlineMs, countOne, [`rate:${of}:${window}`], [windowMs]).catch(() => []);
      const [count, leftMs] = list(reply);
      return typeof count === "number" && typeof leftMs === "number" ? { count, leftMs } : undefined;
    },
    /** Tells at once what has gathered. */
    flush,
  };
}
export type SharedRates = ReturnType<typeof createSharedRates>;

/** Tells what these users have spent, and takes over what is left of it on all nodes. */
async function tell(redis: Redis, users: readonly Spender[]): Promise<void> {
  const spent = users.map((allowance) => allowance.tell());
  if (!redis.usable) return;
  const tag = (userId: number): string => (redis.isSharded ? `{${userId}}` : String(userId));
  const keys = users.flatMap(({ userId }) => ["buckets", "minute"].map((of) => `rate:user:${tag(userId)}:${of}`));
  const args = spent.map(({ count, buckets }) =>
    [count, ...buckets.flatMap(({ kind, spent, size }) => [kind, spent, size.perSecond, size.burst])].join(" "),
  );
  // What may not have been counted is not told again: counted twice it would slow somebody down for nothing.
  const replies = await redis.script(tellDeadlineMs, spend, keys, args).catch(() => []);
  for (const [index, allowance] of users.entries()) {
    const levels = list(list(replies)[index]);
    for (const [at, { kind }] of (spent[index]?.buckets ?? []).entries()) {
      const level = Number(String(levels[at]));
      if (Number.isFinite(level)) allowance.lower(kind, level);
    }
  }
}

function list(reply: Reply | undefined): Reply[] {
  return Array.isArray(reply) ? reply : [];
}
