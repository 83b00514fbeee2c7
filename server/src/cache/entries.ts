import { randomBytes } from "node:crypto";
import { RedisUnavailable, type Redis, type Reply } from "../platform/redis/redis.ts";
import type { CacheControl } from "./control.ts";
import { headerBytes, isServable, packEntry, readHeader, readRecords, type Header } from "./entry.ts";
import type { CacheEvents, ReadResult } from "./events.ts";
import { readHeads, unlessForeign } from "./heads.ts";
import { jitteredTtl } from "./jittered-ttl.ts";
import type { AnySource } from "./loader.ts";
import type { Memory } from "./memory.ts";
import { scripts } from "./scripts.ts";
import type { Loaded, Source } from "./source.ts";

/** How long a read waits for Redis in all, in ms. */
export const readDeadline = 10;
/** How long it may take to store a value or to give a lease back, in ms; nobody waits for it. */
const fillDeadline = 200;
/** How long a lease lasts, in ms: longer than a load may take to begin and end. */
const leaseMs = 3_000;
/** Entries are seldom longer, in bytes. */
const usualBytes = 64 * 1024;
/** A dirty entry is about to become clean: that many more looks, a millisecond apart. */
const dirtyTries = 3;

export interface Hit<T> {
  is: "hit";
  value: T;
  header: Header;
  result: "hit" | "hit_l1";
}
export interface Miss {
  is: "miss";
  /** What is there must be replaced although it looks fine. */
  refill: boolean;
  result: ReadResult;
}
interface Dirty {
  is: "dirty";
}

/** One read on its way: the epoch it began in, whether Redis has answered it, and for how many ms it may still wait. */
export interface Attempt {
  readonly epoch: number;
  answered: boolean;
  left(): number;
}

export function attempt(epoch: number): Attempt {
  const end = performance.now() + readDeadline;
  return { epoch, answered: false, left: () => Math.max(1, end - performance.now()) };
}

export interface EntriesDeps {
  redis: Redis;
  control: Pick<CacheControl, "readEpoch">;
  memory: Memory;
  events: CacheEvents;
  /** Wall clock, in ms. */
  now: () => number;
  pause: (ms: number) => Promise<void>;
}

/** The entries in Redis as a reader uses them. */
export class Entries {
  readonly #deps: EntriesDeps;

  constructor(deps: EntriesDeps) {
    this.#deps = deps;
  }

  /**
   * What is served from memory because its entry still names the same version; the entry itself must be looked at where this is
   * undefined. One call for all. @throws RedisUnavailable
   */
  async lookAll<Id, T>(source: Source<Id, T>, keys: readonly string[], at: Attempt): Promise<(Hit<T> | undefined)[]> {
    const heads = await this.#heads(keys, at.left());
    at.answered = true;
    return keys.map((key, index) => {
      const seen = this.#judge(source, key, heads[index] ?? nothing, { epoch: at.epoch, whole: false });
      return seen.is === "hit" ? seen : undefined;
    });
  }

  /** @throws RedisUnavailable */
  async look<Id, T>(source: Source<Id, T>, key: string, at: Attempt): Promise<Hit<T> | Miss> {
    const { memory, pause } = this.#deps;
    for (let tries = 0; ; tries++) {
      const whole = tries > 0 || memory.get(key)?.epoch !== at.epoch;
      const bytes = await this.#read(key, at, whole ? source.maxBytes : headerBytes - 1).catch(unlessForeign);
      const seen = bytes === undefined ? corrupt : this.#judge(source, key, bytes, { epoch: at.epoch, whole });
      if (seen.is !== "dirty") return seen;
      if (tries === dirtyTries) return { is: "miss", refill: false, result: "dirty" };
      // A body that memory does not have is fetched at once; for a writer that is about to finish we wait.
      if (whole) await pause(1);
    }
  }

  /** The first bytes under a key, one more than `most` at most; undefined: it is no entry, or longer than that. */
  async #read(key: string, at: Attempt, most: number): Promise<Buffer | undefined> {
    const ask = async (command: string, ...args: number[]): Promise<Reply> => {
      const reply = await this.#deps.redis.call(at.left(), command, key, ...args);
      at.answered = true;
      return reply;
    };
    const bytes = (await ask("GETRANGE", 0, Math.min(most, usualBytes))) as Buffer;
    if (bytes.length <= usualBytes) return bytes;
    // Anything may lie there: nobody waits for megabytes to see that they are none of ours.
    if (readHeader(bytes) === undefined || Number(await ask("STRLEN")) > most) return undefined;
    return (await ask("GETRANGE", 0, most)) as Buffer;
  }

  /** What bytes of Redis say; `whole`: they are more than the header. */
  #judge<Id, T>(
    source: Source<Id, T>,
    key: string,
    bytes: Buffer,
    at: { epoch: number; whole: boolean },
  ): Hit<T> | Miss | Dirty {
    const { memory } = this.#deps;
    if (bytes.length === 0) return { is: "miss", refill: false, result: "miss" };
    const header = readHeader(bytes);
    if (header === undefined || bytes.length > source.maxBytes) return corrupt;
    if (header.epoch !== at.epoch || !header.hasBody) return { is: "miss", refill: false, result: "miss" };
    if (header.ver < header.pend) return { is: "dirty" };
    // Clean, and yet older than what this node has seen: a change was not marked.
    if (header.ver < memory.floor(key)) return { is: "miss", refill: false, result: "dirty" };
    const kept = memory.get(key);
    if (kept?.epoch === header.epoch && kept.ver === header.ver) {
      return { is: "hit", value: kept.value as T, header, result: "hit_l1" };
    }
    if (!at.whole) return { is: "dirty" };
    const records = readRecords(bytes, header);
    if (records === undefined) return corrupt;
    let value: T | undefined;
    try {
      value = source.fold(records, header.ver);
    } catch {
      return corrupt;
    }
    if (value === undefined) return { is: "miss", refill: true, result: "miss" };
    memory.set(key, { epoch: header.epoch, ver: header.ver, value, bytes: bytes.length });
    return { is: "hit", value, header, result: "hit" };
  }

  /**
   * The right to fill an entry (a token), or the entry itself if it can be served by now; undefined: another one fills it, or Redis
   * does not say. `refill` asks for the right also to what can be served.
   */
  async lease<Id, T>(
    source: Source<Id, T>,
    key: string,
    at: Attempt & { refill: boolean },
  ): Promise<Buffer | Hit<T> | undefined> {
    const { redis, memory } = this.#deps;
    const token = randomBytes(8);
    const args = [at.epoch, token, leaseMs, memory.floor(key), source.maxBytes, at.refill ? 1 : 0];
    const reply = await redis.script(at.left(), scripts.lease, [key], args).catch((error: unknown) => {
      // It may have been granted all the same: then nobody could fill the entry until it ends.
      if (error instanceof RedisUnavailable && error.reason === "timeout") this.#release(key, token);
      return 0;
    });
    if (reply === 1) return token;
    if (!Buffer.isBuffer(reply)) return undefined;
    const seen = this.#judge(source, key, reply, { epoch: at.epoch, whole: true });
    return seen.is === "hit" ? seen : undefined;
  }

  /** The versions that may be served now, without the values; undefined where Redis does not tell. */
  async versions(keys: readonly string[]): Promise<(number | undefined)[]> {
    const { control, memory } = this.#deps;
    const epoch = control.readEpoch();
    const heads = epoch === undefined ? [] : await this.#heads(keys, readDeadline).catch(() => []);
    return keys.map((key, index) => {
      const header = readHeader(heads[index] ?? nothing);
      const isGood = header !== undefined && isServable(header, epoch ?? 0) && header.ver >= memory.floor(key);
      return isGood ? header.ver : undefined;
    });
  }

  /** The first bytes of entries. @throws RedisUnavailable */
  async #heads(keys: readonly string[], timeoutMs: number): Promise<Buffer[]> {
    const heads = await readHeads(this.#deps.redis, { keys, counters: [], timeoutMs });
    return keys.map((_, index) => heads.subarray(index * headerBytes, (index + 1) * headerBytes));
  }

  /** Stores a value under its lease. Nobody waits for it. */
  fill(source: AnySource, { id, token, loaded }: { id: unknown; token: Buffer; loaded: Loaded<unknown> }): void {
    const { redis, control, memory, events } = this.#deps;
    const epoch = control.readEpoch();
    const key = source.key(id);
    const made = epoch === undefined ? undefined : this.#pack(source, { ...loaded, epoch });
    if (epoch === undefined || made === undefined) {
      if (epoch !== undefined) memory.setUnkept(key, loaded.ver);
      this.#release(key, token);
      return events.fill(source.name, "failed");
    }
    redis.script(fillDeadline, scripts.fill, [key], [epoch, token, made.entry, made.ttl]).then(
      (stored) => events.fill(source.name, stored === 1 ? "stored" : "refused"),
      () => events.fill(source.name, "failed"),
    );
  }

  /** A writer was in flight, so nothing is filled in: whoever reads next may, without waiting for the end of this lease. */
  giveBack(source: AnySource, held: { id: unknown; token: Buffer }): void {
    this.#deps.events.fill(source.name, "busy");
    this.release(source, held);
  }

  /** Gives a lease back that will not be used. */
  release(source: AnySource, { id, token }: { id: unknown; token: Buffer }): void {
    this.#release(source.key(id), token);
  }

  /** Nobody waits for it. */
  #release(key: string, token: Buffer): void {
    this.#deps.redis.script(fillDeadline, scripts.release, [key], [token]).catch(() => undefined);
  }

  /** Replaces a value whose records have become many by one that is as short as a fresh one. @throws RedisUnavailable */
  async compact<Id, T>(source: Source<Id, T>, key: string): Promise<void> {
    const { redis, control } = this.#deps;
    const epoch = control.readEpoch();
    if (epoch === undefined) return;
    const bytes = (await redis.call(readDeadline, "GETRANGE", key, 0, source.maxBytes)) as Buffer;
    const header = readHeader(bytes);
    if (header === undefined || !isServable(header, epoch)) return;
    const records = readRecords(bytes, header);
    const value = records === undefined ? undefined : source.fold(records, header.ver);
    const made = value === undefined ? undefined : this.#pack(source, { ver: header.ver, value, epoch });
    if (made === undefined) return;
    await redis.script(readDeadline, scripts.compact, [key], [epoch, header.ver, made.entry, made.ttl]);
  }

  /** undefined: it is not to be kept, too long, or nothing that can be packed. */
  #pack<T>(
    source: Pick<Source<never, T>, "records" | "ttlMs" | "maxBytes">,
    { ver, value, epoch }: Loaded<T> & { epoch: number },
  ): { entry: Buffer; ttl: number } | undefined {
    const ttl = jitteredTtl(source.ttlMs);
    try {
      const records = source.records(value);
      if (records === undefined) return undefined;
      const entry = packEntry({ ver, epoch, until: this.#deps.now() + ttl, records });
      return entry.length > source.maxBytes ? undefined : { entry, ttl };
    } catch {
      return undefined;
    }
  }
}

const nothing = Buffer.alloc(0);

/** Nothing that this cache has made, or not any more: it is replaced. */
const corrupt: Miss = { is: "miss", refill: true, result: "corrupt" };
