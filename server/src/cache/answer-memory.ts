import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { counterOf } from "./counters.ts";
import type { Observation, Reads, Recording } from "./recorder.ts";

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

/** Makes an answer. */
export type Make = (reads: Reads) => Promise<unknown>;

/** Of one viewer. */
const maxAnswers = 64;
/** What an answer takes beside its bytes, and each object that it was made of, in bytes. */
const [answerBytes, dependencyBytes] = [1_000, 150];

/** Objects of one kind, whose counter tells that none of them has changed. */
export interface Counted {
  counter: string;
  keys: string[];
  /** The counter from before all of them were last found unchanged. */
  stamp?: string | undefined;
}

export interface Observed {
  observation: Observation;
  /** Of the observation and of its counter, from before it was last found unchanged. */
  changes: number;
  stamp: string | undefined;
  seenAt: number;
}

export interface Kept extends Answer {
  name: string;
  question: Question;
  /** Makes it again, for whoever asks the same. */
  make: Make;
  objects: ReadonlyMap<string, number>;
  /** Asked for whenever the answer is. */
  single: readonly string[];
  counted: readonly Counted[];
  observed: readonly Observed[];
  /** As far as this node has seen; what is not is kept to be made again. */
  isNewest: boolean;
  /** When Redis first said that something of it may have changed, and only the database that it has not; on the caller's clock, in ms. */
  dirtySince?: number;
}

/** Of the answer to a question. */
export const nameOf = ({ viewerId, as, url }: Omit<Question, "route">): string => `${viewerId} ${as} ${url}`;

/** An answer that is not kept yet. */
export function keptOf(
  question: Question,
  { body, make, recording: { objects, observations } }: { body: Buffer; make: Make; recording: Recording },
): Kept {
  const single: string[] = [];
  const counted = new Map<string, Counted>();
  for (const key of objects.keys()) {
    const counter = counterOf(key);
    const group = counter === undefined ? undefined : counted.get(counter);
    if (counter === undefined) single.push(key);
    else if (group === undefined) counted.set(counter, { counter, keys: [key] });
    else group.keys.push(key);
  }
  return {
    name: nameOf(question),
    route: question.route,
    question,
    make,
    body,
    etag: createHash("sha256").update(body).digest("base64url").slice(0, 22),
    objects,
    single,
    counted: [...counted.values()],
    observed: observations.map((one) => ({ ...one, stamp: undefined, seenAt: Number.NEGATIVE_INFINITY })),
    isNewest: false,
  };
}

/** Bounded by bytes, and by number for each viewer; found by name, and by the objects they were made of. */
export function keptAnswers(maxBytes: number) {
  const byObject = new Map<string, Set<Kept>>();
  const byViewer = new Map<number, Set<Kept>>();
  const byName = new LRUCache<string, Kept>({
    maxSize: maxBytes,
    sizeCalculation: ({ name, body, objects }) =>
      answerBytes + name.length + body.length + dependencyBytes * objects.size,
    dispose(kept) {
      expire(kept);
      removeFrom(byViewer, kept.question.viewerId, kept);
    },
  });
  function expire(kept: Kept): void {
    kept.isNewest = false;
    for (const key of kept.objects.keys()) removeFrom(byObject, key, kept);
  }
  const drop = (kept: Kept): void => void (byName.peek(kept.name) === kept && byName.delete(kept.name));
  return {
    drop,
    /** It is older than what there is now. */
    expire,
    find: (name: string): Kept | undefined => byName.get(name),
    keep(kept: Kept): void {
      byName.set(kept.name, kept);
      if (!byName.has(kept.name)) return;
      kept.isNewest = true;
      for (const key of kept.objects.keys()) addTo(byObject, key, kept);
      const own = addTo(byViewer, kept.question.viewerId, kept);
      const [oldest] = own;
      if (own.size > maxAnswers && oldest !== undefined) drop(oldest);
    },
    raise(key: string, ver: number): void {
      for (const kept of byObject.get(key) ?? []) if ((kept.objects.get(key) ?? 0) < ver) expire(kept);
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
