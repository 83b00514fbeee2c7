import { deferred, type Deferred } from "../platform/deferred.ts";
import type { Redis } from "../platform/redis/redis.ts";
import type { CacheControl } from "./control.ts";
import type { ControlStore } from "./control-store.ts";
import { headerBytes, versionsAt } from "./entry.ts";
import { readHeads } from "./heads.ts";

/** What one look has found. */
export interface Sight {
  /** The object's version; undefined: it is not known. `isDirty`: a newer one may have been committed. */
  version(key: string): { ver: number; isDirty: boolean } | undefined;
  /** Another text whenever the counter has risen or begun anew; undefined: this witness has none. */
  counter(name: string): string | undefined;
}

/** Says which versions of objects are the newest. */
export interface Witness {
  readonly hasCounters: boolean;
  /**
   * Begins after the call and is shared by all who ask until it begins. undefined: nothing can be told just now.
   * It does not reject.
   */
  look(keys: readonly string[]): Promise<Sight | undefined>;
}

/** At most so many looks are under way; whoever comes meanwhile shares the next. */
const maxLooks = 2;

interface Look {
  keys: Set<string>;
  sight: Deferred<Sight | undefined>;
}

/** @param send asks about all keys at once; what it throws means that nothing can be told */
export function sharedLooks(send: (keys: readonly string[]) => Promise<Sight | undefined>): Witness["look"] {
  let next: Look | undefined;
  let running = 0;

  function begin(): void {
    if (next === undefined || running === maxLooks) return;
    const { keys, sight } = next;
    next = undefined;
    running += 1;
    void send([...keys])
      .catch(() => undefined)
      .then((found) => {
        running -= 1;
        sight.resolve(found);
        begin();
      });
  }

  return (keys) => {
    if (next === undefined) {
      next = { keys: new Set(), sight: deferred() };
      // What was read from all sockets in this turn comes together.
      setImmediate(begin);
    }
    for (const key of keys) next.keys.add(key);
    return next.sight.promise;
  };
}

export interface RedisWitnessDeps {
  redis: Redis;
  control: Pick<CacheControl, "readEpoch">;
  /** All that answers may ask for. */
  counters: readonly string[];
  /** For so long Redis may be silent before nothing is told, in ms. */
  patienceMs: number;
}

/** The headers of entries: a clean one of the present epoch names the newest version. */
export function redisWitness({ redis, control, patienceMs, ...deps }: RedisWitnessDeps): Witness {
  // In a cluster nobody raises them.
  const counters = redis.isSharded ? [] : deps.counters;
  return {
    hasCounters: !redis.isSharded,
    look: sharedLooks(async (keys) => {
      if (control.readEpoch() === undefined) return undefined;
      const bytes = await within(patienceMs, readHeads(redis, { keys, counters, timeoutMs: 2 * patienceMs }));
      const epoch = control.readEpoch();
      return bytes === undefined || epoch === undefined ? undefined : sightOf({ keys, counters, bytes, epoch });
    }),
  };
}

/** undefined: there was no answer within `ms`. */
function within<T>(ms: number, answer: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    // When this process stood still, an answer may have come that has not been read yet.
    const timer = setTimeout(() => setImmediate(resolve, undefined), ms);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function sightOf(seen: { keys: readonly string[]; counters: readonly string[]; bytes: Buffer; epoch: number }): Sight {
  const { keys, counters, bytes, epoch } = seen;
  const places = new Map(keys.map((key, index) => [key, index * headerBytes]));
  const values = new Map(
    counters.map((name, index) => {
      const at = (keys.length + index) * headerBytes;
      return [name, `${epoch}/${bytes.toString("latin1", at, at + 16).trim()}`];
    }),
  );
  return {
    version(key) {
      const at = places.get(key);
      return at === undefined ? undefined : versionsAt(bytes, at, epoch);
    },
    counter: (name) => values.get(name),
  };
}

/** The versions that are committed. @param onOtherRun another run of the database may give out the same versions again */
export function databaseWitness(readVersions: ControlStore["versions"], onOtherRun: () => void): Witness {
  let run: string | undefined;
  return {
    hasCounters: false,
    look: sharedLooks(async (keys) => {
      const found = await readVersions(keys);
      if (found === undefined) return undefined;
      if (run !== undefined && run !== found.run) onOtherRun();
      run = found.run;
      const byKey = new Map(keys.map((key, index) => [key, { ver: found.versions[index] ?? 0, isDirty: false }]));
      return { version: (key) => byKey.get(key), counter: () => undefined };
    }),
  };
}
