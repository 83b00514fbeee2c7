import type { History, Ms, Phase, PresenceRead, Proof, ReadEvent, Seen, Viewpoint, WriteEvent } from "./events.ts";
import { internTexts, type InternedTexts } from "./interned-texts.ts";

/** What became of the calls of one kind. */
export interface Tally {
  /** The answered ones: when they left, and how long they took. */
  readonly calls: { readonly t0: Ms; readonly took: Ms }[];
  /** `503`, `no answer` …, and when that was known. */
  readonly troubles: { readonly what: string; readonly at: Ms }[];
}

/** Writes down what a run does and receives, in memory. */
export interface Recorder {
  readonly texts: InternedTexts;
  read(event: ReadEvent): void;
  wrote(session: number, t0: Ms, t1: Ms, proof: Proof): void;
  seen(object: string, ver: number, at: Ms): void;
  presence(read: PresenceRead): void;
  phase(phase: Phase): void;
  answered(kind: string, t0: Ms, t1: Ms): void;
  trouble(kind: string, what: string, at: Ms): void;
  /** One object per viewpoint, whoever asks for it. */
  viewpoint(of: Viewpoint): Viewpoint;
  /** Reads so far that a key of the cache could have answered; keys that were read at all. */
  readsOf(key: string): number;
  keysRead(): string[];
  tallies(): ReadonlyMap<string, Tally>;
  history(): History;
}

export function createRecorder(): Recorder {
  const reads: ReadEvent[] = [];
  const writes: WriteEvent[] = [];
  const seen = new Map<string, Map<number, Ms>>();
  const presences: PresenceRead[] = [];
  const phases: Phase[] = [];
  const tallies = new Map<string, Tally>();
  const viewpoints = new Map<string, Viewpoint>();
  const keyReads = new Map<string, number>();
  const tally = (kind: string): Tally => {
    const known = tallies.get(kind) ?? { calls: [], troubles: [] };
    tallies.set(kind, known);
    return known;
  };
  return {
    texts: internTexts(),
    read(event) {
      reads.push(event);
      for (const key of event.of.keys) keyReads.set(key, (keyReads.get(key) ?? 0) + 1);
    },
    wrote: (session, t0, t1, proof) => void writes.push({ session, t0, t1, proof }),
    seen(object, ver, at) {
      const known = seen.get(object) ?? new Map<number, Ms>();
      seen.set(object, known);
      if (!known.has(ver)) known.set(ver, at);
    },
    presence: ({ node, userId, by, t0, t1, shown }) => void presences.push({ node, userId, by, t0, t1, shown }),
    phase: (phase) => void phases.push(phase),
    answered: (kind, t0, t1) => void tally(kind).calls.push({ t0, took: t1 - t0 }),
    trouble: (kind, what, at) => void tally(kind).troubles.push({ what, at }),
    viewpoint(of) {
      const name = `${of.object} ${of.view} ${of.keys.join(" ")}`;
      const known = viewpoints.get(name) ?? of;
      viewpoints.set(name, known);
      return known;
    },
    readsOf: (key) => keyReads.get(key) ?? 0,
    keysRead: () => [...keyReads.keys()],
    tallies: () => tallies,
    history: () => ({ reads, writes, seen: seenOf(seen), presences, phases }),
  };
}

function seenOf(seen: ReadonlyMap<string, ReadonlyMap<number, Ms>>): Seen[] {
  return [...seen].flatMap(([object, vers]) => [...vers].map(([ver, at]) => ({ object, ver, at })));
}
