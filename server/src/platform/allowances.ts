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

interface Options {
  /** How many times as much as usual; 0 = no limit. */
  factor: number;
  now: Clock;
  /** Hears whenever a user has spent something; `isMuch`: so much that other nodes must know. */
  onSpent?: (allowance: Allowance, isMuch: boolean) => void;
}

/** What one user may still do, by all sockets and requests together: of this node, and of all where they tell each other. */
export class Allowance {
  readonly userId: number;
  readonly #buckets: Partial<Record<AllowanceKind, TokenBucket>> = {};
  readonly #options: Options;

  constructor(userId: number, options: Options) {
    this.userId = userId;
    this.#options = options;
  }

  /** @returns how long to wait before doing it, in ms; never a refusal */
  take(kind: AllowanceKind, cost = 1): number {
    const { factor, now, onSpent } = this.#options;
    if (factor === 0) return 0;
    const bucket = this.#bucket(kind);
    const wait = bucket.take(cost, now());
    onSpent?.(this, bucket.untold * 10 >= bucket.size.burst);
    return wait;
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

  /** What was taken since the last call. `count`: requests, messages and sockets. */
  tell() {
    const kinds = Object.keys(this.#buckets) as AllowanceKind[];
    const buckets = kinds.flatMap((kind) => {
      const bucket = this.#bucket(kind);
      const { untold: spent, size } = bucket;
      bucket.untold = 0;
      return spent === 0 ? [] : [{ kind, spent, size }];
    });
    const done = buckets.filter(({ kind }) => kind !== "frames" && kind !== "bytes");
    return { buckets, count: done.reduce((sum, { spent }) => sum + spent, 0) };
  }

  /** All nodes together have no more left than this, but for what this one has not told. */
  lower(kind: AllowanceKind, level: number): void {
    this.#bucket(kind).lower(level, this.#options.now());
  }

  #bucket(kind: AllowanceKind): TokenBucket {
    return (this.#buckets[kind] ??= this.#fullBucket(sizes[kind]));
  }

  #fullBucket({ perSecond, burst }: BucketSize): TokenBucket {
    const { factor, now } = this.#options;
    return new TokenBucket({ perSecond: perSecond * factor, burst: burst * factor }, now());
  }
}

export function createAllowances(options: Options) {
  const users = new LRUCache<number, Allowance>({ max: maxUsers });
  const unlimited = new Allowance(0, { ...options, factor: 0 });
  return {
    of(userId: number): Allowance {
      if (options.factor === 0) return unlimited;
      let allowance = users.get(userId);
      if (allowance === undefined) {
        allowance = new Allowance(userId, options);
        users.set(userId, allowance);
      }
      return allowance;
    },
  };
}
export type Allowances = ReturnType<typeof createAllowances>;
