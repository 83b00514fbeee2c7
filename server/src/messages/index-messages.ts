import { setTimeout as delay } from "node:timers/promises";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

const indexNext = statement<{ count: number }>("search.index_messages", "select index_messages($1) as count");

/** Messages of one transaction, which others hardly notice. */
const batch = 200;
/** After so many ms the rest waits for the next time. */
const runMs = 5_000;
/** So many times as long as a batch took nothing is done after it: who sends comes first. */
const pauses = 4;

/** Makes searchable what was sent since the last time. One node does it at a time. */
export async function indexMessages(db: Queries): Promise<void> {
  const started = performance.now();
  let at = started;
  while (only(await db.query(indexNext, [batch])).count === batch && performance.now() - started < runMs) {
    await delay(pauses * (performance.now() - at));
    at = performance.now();
  }
}
