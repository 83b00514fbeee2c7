import type { Database, Queries } from "../platform/postgres/database.ts";
import type { Redis } from "../platform/redis/redis.ts";
import { auditEvery, createAnswers, type Answers } from "./answers.ts";
import { createAnswerAudit, createAudit } from "./audit.ts";
import { startControl } from "./control.ts";
import { controlStore, type ControlStore } from "./control-store.ts";
import { counters } from "./counters.ts";
import type { CacheEvents } from "./events.ts";
import { createLoader, type Loader } from "./loader.ts";
import { createMemory } from "./memory.ts";
import { Entries } from "./entries.ts";
import { createMarks } from "./marks.ts";
import { ReadThrough } from "./read-through.ts";
import type { Source } from "./source.ts";
import type { Unrecorded } from "./recorder.ts";
import { createDirtyRelay } from "./dirty-relay.ts";
import type { OnStep } from "./steps.ts";
import { defaultTiming, type CacheTiming } from "./timing.ts";
import { databaseWitness, redisWitness } from "./witness.ts";
import { createCacheWrites, type CacheWrites } from "./cache-writes.ts";

/** The coherent cache; docs/architecture.md tells how it works. Without Redis every read is one of the database. */
export interface Cache extends Unrecorded, AsyncDisposable {
  /** Answers that are kept with their bytes. */
  readonly answers: Answers;
  /** This version was shown, although not from here: nothing older is served by this node from now on. */
  raiseFloor(key: string, ver: number): void;
  /** Makes an entry whose records have become many as short as a fresh one. */
  compact<Id, T>(source: Source<Id, T>, id: Id): Promise<void>;
  writes: CacheWrites;
  /** For metrics. */
  state(): { epoch: number; mode: "on" | "off"; dirty: number; waiting: number };
}

export interface CacheOptions {
  db: Database;
  /** For looking at what the nodes agree on, which must not wait behind requests; default: `db`. */
  aside?: Queries;
  redis: Redis | undefined;
  /** Keys in Redis that observations name (recorder.ts). */
  counters: readonly string[];
  /** Loads that may run side by side. */
  parallelLoads: number;
  nodeId: string;
  events: CacheEvents;
  onError: (error: unknown) => void;
  /** Wall clock, in ms. */
  now: () => number;
  pause: (ms: number) => Promise<void>;
  step?: OnStep | undefined;
  /** Default: `defaultTiming`. */
  times?: Partial<CacheTiming>;
}

const monotonic = (): number => performance.now();

export async function openCache(options: CacheOptions): Promise<Cache> {
  const { db, redis, events, step, pause } = options;
  const store = controlStore(db);
  const times = { ...defaultTiming, ...options.times };
  const answers = createAnswers({
    cache: { read: (source, ids) => cache.read(source, ids), versions: (source, ids) => cache.versions(source, ids) },
    floor: (key) => memory.floor(key),
    witnesses: () =>
      ofRedis === undefined || control.readEpoch() === undefined ? [ofDatabase] : [ofRedis, ofDatabase],
    maxBytes: 64 * 1024 * 1024,
    now: monotonic,
    onResult: events.answered,
    audit: (answer) => void auditAnswer?.(answer).catch(options.onError),
  });
  const memory = createMemory({
    maxBytes: 64 * 1024 * 1024,
    maxKeys: 20_000,
    onRaise: (key, ver) => answers.raise(key, ver),
  });
  const control = await startControl({
    store: options.aside === undefined ? store : controlStore(options.aside),
    redis,
    nodeId: options.nodeId,
    times,
    now: monotonic,
    relay: createDirtyRelay({ redis, memory, step }),
    onEpoch(change) {
      memory.forget(change);
      if (change.isOtherRun) answers.clear();
    },
    onError: options.onError,
  });
  const auditing = { store, control, audited: events.audited };
  const audit = redis === undefined ? undefined : createAudit({ redis, ...auditing });
  const counted =
    audit === undefined ? events : withAudit(events, (source, id) => void audit(source, id).catch(options.onError));
  const { now } = options;
  const entries = redis === undefined ? undefined : new Entries({ redis, control, memory, events, now, pause });
  const loader = openLoader(options, { store, entries });
  const reads = new ReadThrough({ entries, control, memory, loader, events: counted, now, hedgeMs: times.hedgeMs });
  const marks = createMarks({ redis, memory, events, now, pause });
  const ofDatabase = databaseWitness(store.versions, () => answers.clear());
  const looking = { control, counters: [...counters, ...options.counters], patienceMs: times.hedgeMs };
  const ofRedis = redis === undefined ? undefined : redisWitness({ redis, ...looking });
  const auditAnswer = ofRedis && createAnswerAudit({ database: ofDatabase, isGiven: answers.isRight, ...auditing });
  const cache: Cache = {
    answers,
    read: (source, ids) => reads.read(source, ids),
    versions: async (source, ids) => entries?.versions(ids.map((id) => source.key(id))) ?? [],
    raiseFloor: memory.raiseFloor,
    compact: async (source, id) => entries?.compact(source, source.key(id)),
    writes: createCacheWrites({ db, control, marks, events, step }),
    state: () => ({ ...control.state(), waiting: loader.waiting() }),
    [Symbol.asyncDispose]: () => control[Symbol.asyncDispose](),
  };
  return cache;
}

function openLoader(
  { parallelLoads, events, step }: CacheOptions,
  { store, entries }: { store: ControlStore; entries: Entries | undefined },
): Loader {
  return createLoader({
    parallel: parallelLoads,
    maxWaiting: 5_000,
    maxWaitMs: 5_000,
    now: monotonic,
    probe: store.probe,
    fill: (source, filling) => entries?.fill(source, filling),
    busy: (source, held) => entries?.giveBack(source, held),
    release: (source, held) => entries?.release(source, held),
    shed: events.shed,
    step,
  });
}

function withAudit(events: CacheEvents, audit: CacheEvents["hit"]): CacheEvents {
  let hits = 0;
  return {
    ...events,
    hit(source, id) {
      events.hit(source, id);
      hits += 1;
      if (hits % auditEvery === 0) audit(source, id);
    },
  };
}
