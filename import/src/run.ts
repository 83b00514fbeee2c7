import type { ImportConnection } from "./import-connection.ts";
import type { Issues } from "./issues.ts";
import type { Progress } from "./progress.ts";
import type { SourceTable } from "./source-schema.ts";
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
  connection: ImportConnection;
  state: StateStore;
  accounts: TargetStore;
  messages: TargetMessageStore;
  /** An earlier run has finished: what is here may have been used since. */
  isRepeat: boolean;
}

/** What the steps of one run share. */
export interface Run {
  /** All reads are of the one snapshot that its transaction began with. */
  source: ImportConnection;
  /** Tables that the source does not have. */
  missing: ReadonlySet<SourceTable>;
  /** Undefined: a dry run, which reads and reports only. */
  target: ImportTarget | undefined;
  issues: Issues;
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
