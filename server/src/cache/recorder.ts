import type { Found, Source } from "./source.ts";

/** Something that an answer shows and that has no version, such as who is connected. */
export interface Observation {
  /** In Redis; rises whenever another node may have changed it. Empty: no other node can. */
  readonly counter: string;
  /** Rises whenever this node may have changed it. */
  changes(): number;
  /** For how long it may be believed without another look, in ms. */
  readonly maxAgeMs: number;
  /** Looks again: whether it is as it was. */
  isUnchanged(): Promise<boolean>;
}

/** Reading without a record of it. */
export interface Unrecorded {
  read<Id, T>(source: Source<Id, T>, ids: readonly Id[]): Promise<Found<T>[]>;
  /** Versions that may be served now, without the values; undefined or nothing where Redis does not tell. */
  versions<Id, T>(source: Source<Id, T>, ids: readonly Id[]): Promise<(number | undefined)[]>;
}

/** The only way in which an answer that is kept may read: so all that it shows is known. */
export interface Reads extends Unrecorded {
  /** An object was read in some other way, at this version. */
  record<Id, T>(source: Source<Id, T>, id: Id, ver: number): void;
  /** @param changes of the observation, from before it was made */
  observe(observation: Observation, changes: number): void;
  /** Something was read that has neither: the answer is good once. */
  bypass(): void;
}

/** What one answer was made of. */
export interface Recording {
  /** Versions by key. */
  objects: ReadonlyMap<string, number>;
  observations: readonly { observation: Observation; changes: number }[];
  /** All that was read is here. */
  isComplete: boolean;
}

export function createRecorder(cache: Unrecorded): { reads: Reads; recording: Recording } {
  const objects = new Map<string, number>();
  const observations: { observation: Observation; changes: number }[] = [];
  const recording = { objects, observations, isComplete: true };
  const reads: Reads = {
    async read(source, ids) {
      const found = await cache.read(source, ids);
      for (const [index, id] of ids.entries()) {
        const [key, ver] = [source.key(id), found[index]?.ver ?? 0];
        // Of two versions of an object in one answer, neither tells what it shows.
        if (objects.has(key) && objects.get(key) !== ver) recording.isComplete = false;
        objects.set(key, ver);
      }
      return found;
    },
    async versions(source, ids) {
      const found = await cache.versions(source, ids);
      for (const [index, id] of ids.entries()) {
        const ver = found[index];
        if (ver !== undefined) objects.set(source.key(id), ver);
      }
      return found;
    },
    record: (source, id, ver) => void objects.set(source.key(id), ver),
    observe: (observation, changes) => void observations.push({ observation, changes }),
    bypass: () => void (recording.isComplete = false),
  };
  return { reads, recording };
}
