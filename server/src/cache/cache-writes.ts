import type { Database, Queries } from "../platform/postgres/database.ts";
import type { CacheControl } from "./control.ts";
import { addDirtyRows } from "./control-store.ts";
import type { CacheEvents } from "./events.ts";
import type { Invalidation, Marked, Marks } from "./marks.ts";
import type { OnStep } from "./steps.ts";

export type Invalidate = (changed: Invalidation) => void;
/** @param dirtyAdded all of it has its dirty rows already: its marks may be in an epoch that is over */
export type InvalidateAll = (all: readonly Invalidation[], dirtyAdded: boolean) => void;

/** How every write that changes what a cached answer shows is made. */
export interface CacheWrites {
  /**
   * One transaction. What `work` touches is marked in Redis while its locks are held, before the commit; what could not be marked
   * gets a row in cache_dirty. `work` must have taken all locks of what it touches.
   */
  transaction<T>(work: (queries: Queries, invalidate: Invalidate) => Promise<T>): Promise<T>;
  /**
   * The same for SQL functions that add dirty rows by themselves for what will not be marked, and say so: they get the epoch under which marks
   * are going to be made. null: none are, and `queries` commits each statement by itself.
   */
  batch<T>(work: (queries: Queries, epoch: number | null, invalidate: InvalidateAll) => Promise<T>): Promise<T>;
}

interface Deps {
  db: Database;
  control: Pick<CacheControl, "writeEpoch">;
  marks: Marks;
  events: CacheEvents;
  step?: OnStep | undefined;
}

export function createCacheWrites(deps: Deps): CacheWrites {
  return { transaction: (work) => transaction(deps, work), batch: (work) => batch(deps, work) };
}

async function transaction<T>(deps: Deps, work: (queries: Queries, invalidate: Invalidate) => Promise<T>): Promise<T> {
  const { db, control, marks, events, step } = deps;
  const changed: Invalidation[] = [];
  let epoch: number | null = null;
  let marked: Marked | undefined;
  const result = await db.transaction(
    async (queries) => {
      const value = await work(queries, (one) => void changed.push(one));
      if (changed.length === 0) return value;
      await step?.("write-locked");
      epoch = control.writeEpoch();
      if (epoch === null) events.marked("skipped", 0);
      else marked = await marks.mark(changed, epoch);
      await step?.("write-marked");
      // Under the locks: whether this epoch is still the one in which entries are filled.
      const added = await addDirtyRows(queries, changed, marked === undefined ? null : epoch);
      events.dirtyAdded(added);
      if (added > 0) marked = undefined;
      return value;
    },
    { marked: true },
  );
  await step?.("write-committed");
  marks.committed(changed, epoch, marked);
  return result;
}

async function batch<T>(
  deps: Deps,
  work: (queries: Queries, epoch: number | null, invalidate: InvalidateAll) => Promise<T>,
): Promise<T> {
  const { db, control, marks, events, step } = deps;
  const changed: Invalidation[] = [];
  let added = false;
  const invalidate: InvalidateAll = (all, dirtyAdded) => {
    added ||= dirtyAdded;
    changed.push(...all);
  };
  const epoch = control.writeEpoch();
  let marked: Marked | undefined;
  const runMarked = async (queries: Queries, under: number): Promise<T> => {
    const value = await work(queries, under, invalidate);
    if (changed.length === 0) return value;
    await step?.("write-locked");
    marked = await marks.mark(changed, under);
    await step?.("write-marked");
    if (marked === undefined && !added) events.dirtyAdded(await addDirtyRows(queries, changed, null));
    return value;
  };
  const result =
    epoch === null ? await work(db, null, invalidate) : await db.transaction((queries) => runMarked(queries, epoch));
  if (epoch === null && changed.length > 0) events.marked("skipped", 0);
  if (added) events.dirtyAdded(changed.length);
  await step?.("write-committed");
  marks.committed(changed, epoch, added ? undefined : marked);
  return result;
}
