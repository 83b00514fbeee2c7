import type { Clock } from "../clock.ts";
import type { Database } from "./database.ts";
import { only, statement } from "./statement.ts";

const clock = statement<{ ms: number }>(
  "time.clock",
  "select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms",
);

/**
 * The database's clock, which all nodes share: what one of them stores another judges, and their own clocks may be minutes apart.
 * In whole milliseconds; between two looks it goes on at the pace of `monotonic`.
 */
export async function openDatabaseTime(db: Database, monotonic: Clock): Promise<{ now: Clock; look(): Promise<void> }> {
  let ahead = 0;
  async function look(): Promise<void> {
    const asked = monotonic();
    const { ms } = only(await db.query(clock, []));
    ahead = ms - (asked + monotonic()) / 2;
  }
  await look();
  return { now: () => Math.floor(monotonic() + ahead), look };
}
