import type { Link } from "./link.ts";
import type { Notes } from "./notes.ts";
import type { Progress } from "./progress.ts";
import type { SourceMessageStore } from "./source-message-store.ts";
import type { SourceShape } from "./source-shape.ts";
import type { SourceStore } from "./source-store.ts";
import type { StateStore } from "./state-store.ts";
import type { TargetMessageStore } from "./target-message-store.ts";
import type { TargetStore } from "./target-store.ts";

/** What is counted on both sides. */
export type Kind = "users" | "groups" | "members" | "messages" | "sessions" | "invites" | "versions";

export interface Count {
  /** Rows of the source that are imported. */
  expected: number;
  /** How many of them are here after the run; null in a dry run. */
  here: number | null;
}

/** Where an import writes. */
export interface ImportTarget {
  link: Link;
  state: StateStore;
  people: TargetStore;
  messages: TargetMessageStore;
  /** An earlier run has finished: what is here may have been used since. */
  isRepeat: boolean;
}

/** What the steps of one run share. */
export interface Run {
  shape: SourceShape;
  source: SourceStore;
  sourceMessages: SourceMessageStore;
  /** Undefined: a dry run, which reads and reports only. */
  target: ImportTarget | undefined;
  notes: Notes;
  progress: Progress;
  counts: Map<Kind, Count>;
}

/** Adds to the count of a kind; `here` is undefined in a dry run. */
export function tally({ counts }: Run, kind: Kind, expected: number, here: number | undefined): void {
  const count = counts.get(kind) ?? { expected: 0, here: here === undefined ? null : 0 };
  counts.set(kind, count);
  count.expected += expected;
  if (here !== undefined) count.here = (count.here ?? 0) + here;
}
