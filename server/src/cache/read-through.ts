import { RedisUnavailable } from "../platform/redis/redis.ts";
import type { CacheControl } from "./control.ts";
import { attempt, type Attempt, type Entries, type Hit } from "./entries.ts";
import type { CacheEvents, ReadResult } from "./events.ts";
import type { Loader } from "./loader.ts";
import type { Memory } from "./memory.ts";
import type { Found, Source } from "./source.ts";

/** Below this part of its life an entry is read anew while it is still served. */
const refreshBelow = 0.05;

/** Reads objects from Redis, and from the database what Redis does not have or cannot say. */
export interface ReadThrough {
  /** In the order of the ids. @throws OmError `unavailable`, DatabaseUnavailable */
  read<Id, T>(source: Source<Id, T>, ids: readonly Id[]): Promise<Found<T>[]>;
}

export function createReadThrough(deps: {
  /** undefined: there is no Redis. */
  entries: Entries | undefined;
  control: Pick<CacheControl, "readEpoch">;
  memory: Memory;
  loader: Loader;
  events: CacheEvents;
  /** Wall clock, in ms. */
  now: () => number;
  /** When a read has waited so long for a first answer of Redis, the database is asked as well. */
  hedgeMs: number;
}): ReadThrough {
  const { entries, control, memory, loader, events } = deps;

  async function fromDatabase<Id, T>(source: Source<Id, T>, id: Id, token?: Buffer): Promise<Found<T>> {
    const loaded = await loader.load(source, id, token);
    memory.raise(source.key(id), loaded.ver);
    return { ...loaded, from: "database" };
  }

  function pastRedis<Id, T>(source: Source<Id, T>, id: Id, result: ReadResult): Promise<Found<T>> {
    events.read(source.name, result);
    return fromDatabase(source, id);
  }

  function served<Id, T>(source: Source<Id, T>, id: Id, hit: Hit<T>): Found<T> {
    memory.raise(source.key(id), hit.header.ver);
    if (hit.header.until - deps.now() < source.ttlMs * refreshBelow) void refreshAhead(source, id, hit.header.epoch);
    events.hit(source, id);
    return { ver: hit.header.ver, value: hit.value, from: "cache" };
  }

  /** Whoever gets the lease reads it anew while it is still served. */
  async function refreshAhead<Id, T>(source: Source<Id, T>, id: Id, epoch: number): Promise<void> {
    const token = await entries?.lease(source, source.key(id), { ...attempt(epoch), refill: true });
    if (Buffer.isBuffer(token)) await fromDatabase(source, id, token).catch(() => undefined);
  }

  /** @throws RedisUnavailable when Redis does not tell whether it has the entry */
  async function throughRedis<Id, T>(source: Source<Id, T>, id: Id, { from, at }: Way): Promise<Found<T>> {
    const key = source.key(id);
    const seen = await from.look(source, key, at);
    const got = seen.is === "hit" ? seen : await from.lease(source, key, { ...at, refill: seen.refill });
    if (got !== undefined && !Buffer.isBuffer(got)) {
      events.read(source.name, got.result);
      return served(source, id, got);
    }
    events.read(source.name, got === undefined ? "lease_busy" : seen.result);
    if (got === undefined) events.leaseWait();
    return fromDatabase(source, id, got);
  }

  return {
    read: (source, ids) =>
      Promise.all(
        ids.map((id) => {
          const epoch = control.readEpoch();
          if (entries === undefined || epoch === undefined) return pastRedis(source, id, "off");
          if (memory.isUnkept(source.key(id))) return pastRedis(source, id, "miss");
          const at = attempt(epoch);
          return firstOf({
            redis: throughRedis(source, id, { from: entries, at }),
            hasAnswered: () => at.answered,
            onUnavailable: () => events.read(source.name, "unavailable"),
            ask: () => fromDatabase(source, id),
            hedgeMs: deps.hedgeMs,
          });
        }),
      ),
  };
}

interface Way {
  from: Entries;
  at: Attempt;
}

/**
 * The first answer: the database is asked when Redis fails, or has not answered at all after a while. Whom the database sends away
 * while Redis is still silent, Redis may yet answer.
 */
function firstOf<T>(ways: {
  redis: Promise<T>;
  hasAnswered: () => boolean;
  onUnavailable: () => void;
  ask: () => Promise<T>;
  hedgeMs: number;
}): Promise<T> {
  return new Promise((resolve, reject) => {
    let asked: Promise<T> | undefined;
    const ask = (): Promise<T> => (asked ??= ways.ask());
    const askToo = (): void => {
      if (!ways.hasAnswered()) ask().then(resolve, () => undefined);
    };
    // When this process stood still, an answer may have come that has not been read yet.
    const timer = setTimeout(() => setImmediate(askToo), ways.hedgeMs);
    const onFailure = (why: unknown): void => {
      if (!(why instanceof RedisUnavailable)) return reject(why);
      ways.onUnavailable();
      ask().then(resolve, reject);
    };
    ways.redis.then(resolve, onFailure).finally(() => clearTimeout(timer));
  });
}
