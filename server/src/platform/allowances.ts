import type { UserLimit } from "@om/protocol";
import { LRUCache } from "lru-cache";
import type { Clock } from "./clock.ts";
import { TooMany } from "./rate-limit.ts";
import { slowestMs, TokenBucket, type BucketSize } from "./token-bucket.ts";

/** What is counted: requests of a kind (`reads` and `changes`: all without a kind of their own), and of sockets their opening, frames and bytes of JSON. */
export type AllowanceKind = UserLimit | "sockets" | "frames" | "bytes";

/** Where nobody is slowed who types, reads, or runs a bot for a few hundred people; half of each burst is free (token-bucket.ts). */
const sizes: Record<AllowanceKind, BucketSize> = {
  sockets: { perSecond: 1, burst: 100 },
  frames: { perSecond: 100, burst: 2_000 },
  bytes: { perSecond: 256 * 1024, burst: 4 * 1024 * 1024 },
  reads: { perSecond: 50, burst: 1_000 },
  changes: { perSecond: 10, burst: 400 },
  messages: { perSecond: 30, burst: 600 },
  members: { perSecond: 2, burst: 400 },
  groups: { perSecond: 1 / 30, burst: 60 },
  invites: { perSecond: 1 / 20, burst: 60 },
  searches: { perSecond: 5, burst: 100 },
  syncs: { perSecond: 0.5, burst: 60 },
  passwords: { perSecond: 1 / 60, burst: 20 },
};

/** Users who are remembered; those who did nothing for longest are forgotten first, and begin with full buckets. */
const maxUsers = 100_000;

/** What one user may still do on this node, by all sockets and requests together. */
export class Allowance {
  readonly #buckets: Partial<Record<AllowanceKind, TokenBucket>> = {};
  readonly #factor: number;
  readonly #now: Clock;

  constructor(factor: number, now: Clock) {
    this.#factor = factor;
    this.#now = now;
  }

  /** @returns how long to wait before doing it, in ms; never a refusal */
  take(kind: AllowanceKind, cost = 1): number {
    return this.#factor === 0 ? 0 : this.#bucket(kind).take(cost, this.#now());
  }

  /** The same for whoever can be refused. @throws TooMany `rate_limited` */
  takeOrRefuse(kind: AllowanceKind): number {
    const wait = this.take(kind);
    if (wait <= slowestMs) return wait;
    this.#bucket(kind).giveBack(1);
    throw new TooMany("rate_limited", Math.ceil((wait - slowestMs) / 1000));
  }

  /** Takes one only if nobody has to wait for it. */
  takeIfFree(kind: AllowanceKind): boolean {
    if (this.take(kind) === 0) return true;
    this.#bucket(kind).giveBack(1);
    return false;
  }

  #bucket(kind: AllowanceKind): TokenBucket {
    return (this.#buckets[kind] ??= new TokenBucket(sizes[kind], this.#now(), this.#factor));
  }
}

/** @param options.factor how many times as much as usual; 0 = no limit */
export function createAllowances(options: { factor: number; now: Clock }) {
  const users = new LRUCache<number, Allowance>({ max: maxUsers });
  const unlimited = new Allowance(0, options.now);
  return {
    of(userId: number): Allowance {
      if (options.factor === 0) return unlimited;
      let allowance = users.get(userId);
      if (allowance === undefined) {
        allowance = new Allowance(options.factor, options.now);
        users.set(userId, allowance);
      }
      return allowance;
    },
  };
}
export type Allowances = ReturnType<typeof createAllowances>;
