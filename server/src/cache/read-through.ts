import { RedisUnavailable } from "../platform/redis/redis.ts";
import type { CacheControl } from "./control.ts";
import { attempt, type Attempt, type Entries, type Hit } from "./entries.ts";
import type { CacheEvents, ReadResult } from "./events.ts";
import type { Loader } from "./loader.ts";
import type { Memory } from "./memory.ts";
import type { Found, Source } from "./source.ts";

/** Below this part of its life an entry is read anew while it is still served. */
const refreshBelow = 0.05;

export interface ReadThroughDeps {
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
}

/** Reads objects from Redis, and from the database what Redis does not have or cannot say. */
export class ReadThrough {
  readonly #deps: ReadThroughDeps;

  constructor(deps: ReadThroughDeps) {
    this.#deps = deps;
  }

  /** In the order of the ids. @throws OmError `unavailable`, DatabaseUnavailable */
  async read<Id, T>(source: Source<Id, T>, ids: readonly Id[]): Promise<Found<T>[]> {
    const { entries, control, events, hedgeMs } = this.#deps;
    const each = (result: ReadResult): void => ids.forEach(() => events.read(source.name, result));
    const ask = (): Promise<Found<T>[]> => Promise.all(ids.map((id) => this.#fromDatabase(source, id)));
    const epoch = control.readEpoch();
    if (entries === undefined || epoch === undefined) {
      each("off");
      return ask();
    }
    const at = attempt(epoch);
    return firstOf({
      redis: this.#allThroughRedis(source, ids, { from: entries, at }),
      hasAnswered: () => at.answered,
      onUnavailable: () => each("unavailable"),
      ask,
      hedgeMs,
    });
  }

  /** What memory holds needs one look at all of it together. @throws RedisUnavailable */
  async #allThroughRedis<Id, T>(source: Source<Id, T>, ids: readonly Id[], way: Way): Promise<Found<T>[]> {
    const keys = ids.map((id) => source.key(id));
    const kept = ids.length > 1 ? await way.from.lookAll(source, keys, way.at) : [];
    return Promise.all(
      ids.map(async (id, index) => {
        const hit = kept[index];
        if (hit === undefined) return this.#throughRedis(source, id, way);
        this.#deps.events.read(source.name, hit.result);
        return this.#served(source, id, hit);
      }),
    );
  }

  /** @throws RedisUnavailable when Redis does not tell whether it has the entry */
  async #throughRedis<Id, T>(source: Source<Id, T>, id: Id, { from, at }: Way): Promise<Found<T>> {
    const { events, memory } = this.#deps;
    const key = source.key(id);
    if (memory.isUnkept(key)) {
      // Redis is not waited for.
      at.answered = true;
      events.read(source.name, "miss");
      return this.#fromDatabase(source, id);
    }
    const seen = await from.look(source, key, at);
    const got = seen.is === "hit" ? seen : await from.lease(source, key, { ...at, refill: seen.refill });
    if (got !== undefined && !Buffer.isBuffer(got)) {
      events.read(source.name, got.result);
      return this.#served(source, id, got);
    }
    events.read(source.name, got === undefined ? "lease_busy" : seen.result);
    if (got === undefined) events.leaseWait();
    return this.#fromDatabase(source, id, got);
  }

  async #fromDatabase<Id, T>(source: Source<Id, T>, id: Id, token?: Buffer): Promise<Found<T>> {
    const { loader, memory } = this.#deps;
    const loaded = await loader.load(source, id, token);
    memory.raiseFloor(source.key(id), loaded.ver);
    return { ...loaded, from: "database" };
  }

  #served<Id, T>(source: Source<Id, T>, id: Id, hit: Hit<T>): Found<T> {
    const { memory, events, now } = this.#deps;
    const { ver, until, epoch } = hit.header;
    memory.raiseFloor(source.key(id), ver);
    if (until - now() < source.ttlMs * refreshBelow) void this.#refreshAhead(source, id, epoch);
    events.hit(source, id);
    return { ver, value: hit.value, from: "cache" };
  }

  /** Whoever gets the lease reads it anew while it is still served. */
  async #refreshAhead<Id, T>(source: Source<Id, T>, id: Id, epoch: number): Promise<void> {
    const token = await this.#deps.entries?.lease(source, source.key(id), { ...attempt(epoch), refill: true });
    if (Buffer.isBuffer(token)) await this.#fromDatabase(source, id, token).catch(() => undefined);
  }
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
