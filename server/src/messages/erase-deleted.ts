import { setTimeout as delay } from "node:timers/promises";
import type { CacheWrites, Invalidate } from "../cache/cache-writes.ts";
import { lockObjects } from "../cache/locks.ts";
import { conversationKey, invalidatedGroup, listLock } from "../conversations/cache-keys.ts";
import { refOf } from "../conversations/conversation-ref.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { erasureStore, type Erased } from "./erasure-store.ts";
import { directChanges } from "./revision-store.ts";

interface Deps {
  db: Queries;
  writes: CacheWrites;
  /** For how long what was deleted is kept. */
  days: number;
  /** Removes files that no message names any more. */
  sweepFiles: () => Promise<unknown>;
}

/** Messages that one transaction erases: autovacuum keeps up with such, and nobody waits long for their locks. */
const batch = { range: 500, account: 50 };
/** After so many ms the rest waits for the next time. */
const runMs = 2_000;
/** Between two transactions, in ms. */
const pauseMs = 20;

/**
 * Erases text and files of what was deleted for everybody and of closed accounts, whose time has come. Messages keep their places. One node
 * does it at a time.
 */
export async function eraseDeleted(deps: Deps, of?: Erased): Promise<void> {
  const started = performance.now();
  let erased = false;
  while (performance.now() - started < runMs && (await eraseNext(deps, of))) {
    erased = true;
    await delay(pauseMs);
  }
  if (erased) await deps.sweepFiles();
}

/** The same for one conversation or user, however long ago it was deleted; what is too much for one answer follows. */
export async function eraseAtOnce(deps: Deps, of: Erased): Promise<void> {
  await erasureStore(deps.db).hasten(of);
  await eraseDeleted(deps, of);
}

/** @returns false: nothing is due */
async function eraseNext({ db, writes, days }: Deps, of: Erased | undefined): Promise<boolean> {
  if ((await erasureStore(db).next(days, of)) === undefined) return false;
  return writes.transaction(async (queries, invalidate) => {
    const store = erasureStore(queries);
    await store.lock();
    const erasure = await store.next(days, of);
    if (erasure === undefined) return false;
    if (erasure.conversation_id !== null) {
      const upto = await store.eraseRange(erasure, batch.range);
      await (upto < erasure.to_seq ? store.keepRest({ ...erasure, from_seq: upto }) : store.finish(erasure.id));
      return true;
    }
    const written = await store.written(erasure, batch.account);
    const last = written.at(-1);
    await deleteWritten(queries, written, invalidate);
    if (last !== undefined) await store.keepRest({ ...erasure, after_client_id: last.client_id });
    else {
      await store.forgetUser(erasure.user_id);
      await store.finish(erasure.id);
    }
    return true;
  });
}

type Written = Awaited<ReturnType<ReturnType<typeof erasureStore>["written"]>>;

async function deleteWritten(queries: Queries, written: Written, invalidate: Invalidate): Promise<void> {
  const left = written.filter(({ is_deleted: isDeleted }) => !isDeleted);
  const places = [...new Map(left.map((row) => [row.conversation_id, row])).values()];
  const lists = places.flatMap(({ lo, hi }) => [lo, hi]).filter((id) => id !== null);
  await lockObjects(queries, [...places.map((row) => conversationKey(refOf(row))), ...lists.map(listLock)]);
  const store = erasureStore(queries);
  for (const place of places) {
    const { conversation_id: id, group_id: groupId } = place;
    const ids = left.filter((row) => row.conversation_id === id).map((row) => row.id);
    const ver = await store.deleteMessages(id, ids);
    if (groupId === null) {
      invalidate({ key: conversationKey(refOf(place)), ver });
      (await directChanges(queries, { ...place, ver })).forEach(invalidate);
    } else (await invalidatedGroup(queries, groupId, [])).forEach(invalidate);
  }
}
