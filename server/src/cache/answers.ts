import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Cache } from "./cache.ts";
import { counterOf } from "./counters.ts";
import { createRecorder, type Observation, type Reads, type Recording } from "./recorder.ts";
import type { Sight, Witness } from "./witness.ts";

/** Why an answer was made, or that it was not: `proven` is one that was kept and is still right. */
export type AnswerResult = "proven" | "absent" | "changed" | "unknown";

/** The finished bytes of an answer, and what they were made of. */
export interface Answer {
  readonly route: string;
  readonly body: Buffer;
  /** Of the bytes: the same on every node. */
  readonly etag: string;
}

/** Whose answer to what: never given to anybody else. */
export interface Question {
  viewerId: number;
  /** What else of the viewer the answer depends on, such as the address in the token. */
  as: string;
  /** Path and query, as they were sent. */
  url: string;
  /** Name of what is asked for. */
  route: string;
}

export interface Answers {
  /** Kept, and not yet proven to be right. */
  find(question: Omit<Question, "route">): Answer | undefined;
  /** Whether it would be the same if it were made now; asks after the call. */
  prove(answer: Answer): Promise<boolean>;
  /** The answer as it is now. Whoever asks while it is being made shares it, if it is proven after he asked. */
  serve(question: Question, make: (reads: Reads) => Promise<unknown>): Promise<Answer>;
  /** Nothing older of this object may be shown by this node from now on. */
  raise(key: string, ver: number): void;
  /** Forgets all. */
  clear(): void;
  state(): { count: number; bytes: number };
}

export interface AnswersDeps {
  cache: Pick<Cache, "read" | "versions">;
  /** Lowest version of a key that this node may show. */
  floor: (key: string) => number;
  /** Who tells just now what is the newest. */
  witness: () => Witness;
  maxBytes: number;
  /** Monotonic, in ms. */
  now: () => number;
  onResult: (result: AnswerResult) => void;
}

/** Longer ones are not kept, in bytes. */
const maxBodyBytes = 512 * 1024;
/** Of one viewer. */
const maxAnswers = 64;
/** What an answer takes beside its bytes, and each object that it was made of, in bytes. */
const [answerBytes, dependencyBytes] = [1_000, 150];

/** Objects of one kind, whose counter tells that none of them has changed. */
interface Counted {
  counter: string;
  keys: string[];
  /** The counter from before all of them were last found unchanged. */
  stamp?: string | undefined;
}

interface Observed {
  observation: Observation;
  /** Of the observation and of its counter, from before it was last found unchanged. */
  changes: number;
  stamp: string | undefined;
  seenAt: number;
}

interface Kept extends Answer {
  name: string;
  viewerId: number;
  objects: ReadonlyMap<string, number>;
  /** Asked for whenever the answer is. */
  single: readonly string[];
  counted: readonly Counted[];
  observed: readonly Observed[];
  isKept: boolean;
}

export function createAnswers(deps: AnswersDeps): Answers {
  const { cache, witness, floor, now, onResult } = deps;
  const store = keptAnswers(deps.maxBytes);
  const running = new Map<string, Promise<Kept>>();

  async function isUnchanged(observed: Observed, sight: Sight): Promise<boolean> {
    const { observation } = observed;
    const [changes, stamp, at] = [observation.changes(), sight.counter(observation.counter), now()];
    if (changes === observed.changes && stamp === observed.stamp && at - observed.seenAt < observation.maxAgeMs) {
      return true;
    }
    if (!(await observation.isUnchanged())) return false;
    Object.assign(observed, { changes, stamp, seenAt: at });
    return true;
  }

  async function examine(kept: Kept): Promise<AnswerResult> {
    if (!kept.isKept) return "absent";
    const { look, hasCounters } = witness();
    const sight = await look(hasCounters ? kept.single : [...kept.objects.keys()]);
    if (sight === undefined) return "unknown";
    const isSame = (keys: readonly string[], by: Sight): boolean =>
      keys.every((key) => by.version(key) === kept.objects.get(key));
    if (!isSame(kept.single, sight)) return "changed";
    for (const counted of kept.counted) {
      const stamp = sight.counter(counted.counter);
      if (stamp !== undefined && stamp === counted.stamp) continue;
      const closer = hasCounters ? await look(counted.keys) : sight;
      if (closer === undefined) return "unknown";
      if (!isSame(counted.keys, closer)) return "changed";
      counted.stamp = stamp;
    }
    for (const observed of kept.observed) if (!(await isUnchanged(observed, sight))) return "changed";
    return kept.isKept ? "proven" : "changed";
  }

  async function prove(answer: Answer): Promise<boolean> {
    const result = await examine(answer as Kept);
    onResult(result);
    if (result === "changed") store.drop(answer as Kept);
    return result === "proven";
  }

  async function make(question: Question, work: (reads: Reads) => Promise<unknown>): Promise<Kept> {
    const { reads, recording } = createRecorder(cache);
    const body = Buffer.from(JSON.stringify(await work(reads)));
    const kept = keptOf(question, body, recording);
    const isOutdated = [...kept.objects].some(([key, ver]) => floor(key) > ver);
    if (recording.isComplete && !isOutdated && body.length <= maxBodyBytes) store.keep(kept);
    return kept;
  }

  return {
    find: (question) => store.find(nameOf(question)),
    prove,
    async serve(question, work) {
      const name = nameOf(question);
      for (let other = running.get(name), tries = 0; other !== undefined && tries < 2; other = running.get(name), tries++) {
        const shared = await other.catch(() => undefined);
        if (shared !== undefined && (await prove(shared))) return shared;
      }
      const made = make(question, work);
      running.set(name, made);
      try {
        return await made;
      } finally {
        if (running.get(name) === made) running.delete(name);
      }
    },
    raise: store.raise,
    clear: store.clear,
    state: store.state,
  };
}

const nameOf = ({ viewerId, as, url }: Omit<Question, "route">): string => `${viewerId} ${as} ${url}`;

function keptOf(question: Question, body: Buffer, { objects, observations }: Recording): Kept {
  const single: string[] = [];
  const counted = new Map<string, Counted>();
  for (const key of objects.keys()) {
    const counter = counterOf(key);
    const group = counter === undefined ? undefined : (counted.get(counter) ?? { counter, keys: [] });
    if (group === undefined) single.push(key);
    else counted.set(group.counter, group).get(group.counter)?.keys.push(key);
  }
  return {
    name: nameOf(question),
    route: question.route,
    viewerId: question.viewerId,
    body,
    etag: createHash("sha256").update(body).digest("base64url").slice(0, 22),
    objects,
    single,
    counted: [...counted.values()],
    observed: observations.map((one) => ({ ...one, stamp: undefined, seenAt: Number.NEGATIVE_INFINITY })),
    isKept: false,
  };
}

/** Bounded by bytes, and by number for each viewer; found by name, and by the objects they were made of. */
function keptAnswers(maxBytes: number) {
  const byObject = new Map<string, Set<Kept>>();
  const byViewer = new Map<number, Set<Kept>>();
  const byName = new LRUCache<string, Kept>({
    maxSize: maxBytes,
    sizeCalculation: ({ body, objects }) => answerBytes + body.length + dependencyBytes * objects.size,
    dispose(kept) {
      kept.isKept = false;
      for (const key of kept.objects.keys()) removeFrom(byObject, key, kept);
      removeFrom(byViewer, kept.viewerId, kept);
    },
  });
  const drop = (kept: Kept): void => void (kept.isKept && byName.delete(kept.name));
  return {
    drop,
    find: (name: string): Kept | undefined => byName.get(name),
    keep(kept: Kept): void {
      byName.set(kept.name, kept);
      if (!byName.has(kept.name)) return;
      kept.isKept = true;
      for (const key of kept.objects.keys()) addTo(byObject, key, kept);
      const own = addTo(byViewer, kept.viewerId, kept);
      const [oldest] = own;
      if (own.size > maxAnswers && oldest !== undefined) drop(oldest);
    },
    raise(key: string, ver: number): void {
      for (const kept of byObject.get(key) ?? []) if ((kept.objects.get(key) ?? 0) < ver) drop(kept);
    },
    clear: (): void => byName.clear(),
    state: () => ({ count: byName.size, bytes: byName.calculatedSize }),
  };
}

function addTo<K>(index: Map<K, Set<Kept>>, key: K, kept: Kept): Set<Kept> {
  const all = index.get(key) ?? new Set();
  index.set(key, all.add(kept));
  return all;
}

function removeFrom<K>(index: Map<K, Set<Kept>>, key: K, kept: Kept): void {
  const all = index.get(key);
  all?.delete(kept);
  if (all?.size === 0) index.delete(key);
}
