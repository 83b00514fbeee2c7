import { ImportRefused, type ImportConnection } from "./import-connection.ts";
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

/**
 * Adds rows of one kind in order of id, in one transaction with the progress; what is here already stays as it is.
 * @param fetch those of the ids that are here. @returns what it gives afterwards
 * @throws ImportRefused when an id that is here came after the last import, so it was given away here
 */
export async function addPage<Row extends { id: number }, Here extends { id: number }>(
  { connection, state }: ImportTarget,
  step: "users" | "groups",
  page: readonly Row[],
  { fetch, add }: { fetch: (ids: number[]) => Promise<Here[]>; add: (fresh: Row[]) => Promise<unknown> },
): Promise<Here[]> {
  const ids = page.map(({ id }) => id);
  const before = new Set((await fetch(ids)).map(({ id }) => id));
  const imported = await state.position(step);
  const foreign = ids.find((id) => id > imported && before.has(id));
  if (foreign !== undefined) {
    throw new ImportRefused(
      `${step.slice(0, -1)} ${foreign} of the source came after the last import, and its id was given to another here`,
    );
  }
  await connection.transaction(async () => {
    await add(page.filter(({ id }) => !before.has(id)));
    await state.advance(step, Math.max(0, ...ids));
  });
  return fetch(ids);
}
