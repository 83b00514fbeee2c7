import { deferred, type Deferred } from "../platform/deferred.ts";
import { OmError } from "../platform/om-error.ts";
import type { Loaded, Source } from "./source.ts";
import type { OnStep } from "./steps.ts";

export type AnySource = Source<unknown, unknown>;

/** A wish to read an object from the database. */
interface Waiting extends Deferred<Loaded<unknown>> {
  id: unknown;
  key: string;
  /** Right to fill the entry; taken before this wish was made. */
  token: Buffer | undefined;
  since: number;
}

export interface LoaderOptions {
  /** Loads that may run side by side: the rest of the pool is for writers. */
  parallel: number;
  /** Objects that may wait; beyond it callers are told to come back. */
  maxWaiting: number;
  /** For how long an object may wait for its load to begin, in ms. */
  maxWaitMs: number;
  now: () => number;
  /** Whether nobody changes the objects behind these locks. */
  probe: (locks: readonly string[]) => Promise<readonly boolean[]>;
  /** Stores a value under its lease. It does not throw. */
  fill(source: AnySource, filling: { id: unknown; token: Buffer; loaded: Loaded<unknown> }): void;
  /** The lock of an object was not free, so it is not stored: its lease is of no use any more. It does not throw. */
  busy(source: AnySource, held: { id: unknown; token: Buffer }): void;
  /** The object will not be read after all: its lease is given back. It does not throw. */
  release(source: AnySource, held: { id: unknown; token: Buffer }): void;
  /** A caller was sent away. */
  shed(): void;
  /** Named steps, for tests and verification. */
  step?: OnStep | undefined;
}

/** Objects of one statement. */
const maxBatch = 64;

/** Reads objects from the database, each at most twice at a time: whoever comes while a load runs shares the next one. */
export interface Loader {
  /** @throws OmError `unavailable` when too many wait */
  load<Id, T>(source: Source<Id, T>, id: Id, token?: Buffer): Promise<Loaded<T>>;
  waiting(): number;
}

/** Of one source only, whose types are known to `load`. */
interface Queue {
  waiting: Map<string, Waiting>;
  /** Keys that are being read: whoever wants them again waits for the end of that. */
  running: Set<string>;
}

/** Natural batching: what arrives while all slots are taken is read by one statement per kind when one is free. */
export function createLoader(options: LoaderOptions): Loader {
  const queues = new Map<AnySource, Queue>();
  let waiting = 0;
  let running = 0;
  let scheduled = false;

  function pump(): void {
    scheduled = false;
    while (running < options.parallel) {
      const batch = takeBatch(queues);
      if (batch === undefined) return;
      waiting -= batch.wishes.length;
      running += 1;
      void run(options, batch).finally(() => {
        for (const { key } of batch.wishes) batch.queue.running.delete(key);
        running -= 1;
        pump();
      });
    }
  }

  return {
    async load<Id, T>(source: Source<Id, T>, id: Id, token?: Buffer): Promise<Loaded<T>> {
      const queue = queueOf(queues, source);
      const key = source.key(id);
      const known = queue.waiting.get(key);
      if (known !== undefined) {
        known.token = token ?? known.token;
        return known.promise as Promise<Loaded<T>>;
      }
      if (waiting >= options.maxWaiting) {
        options.shed();
        if (token !== undefined) options.release(source, { id, token });
        throw new OmError("unavailable");
      }
      const made = wish(id, key, token, options.now());
      queue.waiting.set(key, made);
      waiting += 1;
      if (!scheduled) {
        scheduled = true;
        queueMicrotask(pump);
      }
      return made.promise as Promise<Loaded<T>>;
    },
    waiting: () => waiting,
  };
}

function queueOf(queues: Map<AnySource, Queue>, source: AnySource): Queue {
  const queue: Queue = queues.get(source) ?? { waiting: new Map(), running: new Set() };
  queues.set(source, queue);
  return queue;
}

interface Batch {
  source: AnySource;
  queue: Queue;
  wishes: Waiting[];
}

/** The next wishes of one kind; that kind is last in turn then. undefined: nothing can begin now. */
function takeBatch(queues: Map<AnySource, Queue>): Batch | undefined {
  for (const [source, queue] of queues) {
    const wishes: Waiting[] = [];
    for (const [key, wish] of queue.waiting) {
      if (wishes.length === maxBatch) break;
      if (!queue.running.has(key)) wishes.push(wish);
    }
    if (wishes.length === 0) continue;
    queues.delete(source);
    queues.set(source, queue);
    for (const { key } of wishes) {
      queue.waiting.delete(key);
      queue.running.add(key);
    }
    return { source, queue, wishes };
  }
  return undefined;
}

/** Reads one batch and answers everybody. It does not throw. */
async function run(options: LoaderOptions, { source, wishes: all }: Omit<Batch, "queue">): Promise<void> {
  const giveUp = ({ id, token, reject }: Waiting, why: unknown): void => {
    if (token !== undefined) options.release(source, { id, token });
    reject(why);
  };
  const late = options.now() - options.maxWaitMs;
  const wishes = all.filter((one) => one.since >= late);
  for (const one of all) {
    if (one.since >= late) continue;
    options.shed();
    giveUp(one, new OmError("unavailable"));
  }
  if (wishes.length === 0) return;
  try {
    const locks = wishes.filter(({ token }) => token !== undefined).map(({ id }) => source.lock(id));
    await options.step?.("read-leased");
    // The lease comes before this, this before the rows: a writer that is not seen here has committed what the rows will show.
    const free = locks.length === 0 ? [] : [...(await options.probe(locks))];
    const rows = await source.load(
      wishes.map(({ id }) => id),
      locks.length > 0,
    );
    await options.step?.("read-loaded");
    for (const [index, { id, token, resolve }] of wishes.entries()) {
      const loaded = rows[index];
      if (loaded === undefined) throw new Error(`${source.name}: a row for every id is needed`);
      resolve(loaded);
      if (token === undefined) continue;
      if (free.shift() === true) options.fill(source, { id, token, loaded });
      else options.busy(source, { id, token });
    }
  } catch (error) {
    for (const one of wishes) giveUp(one, error);
  }
}

function wish(id: unknown, key: string, token: Buffer | undefined, since: number): Waiting {
  const answer = deferred<Loaded<unknown>>();
  // Whoever asked may have been answered from elsewhere meanwhile.
  answer.promise.catch(() => undefined);
  return { id, key, token, since, ...answer };
}
