import type { Queries } from "./database.ts";
import { statement } from "./statement.ts";

const size = statement<{ drawn: number }>("statistics.size", "select last_value as drawn from message_ids");
const refresh = statement<never>("statistics.refresh", "select refresh_statistics()");

/**
 * Keeps the planner's statistics in step with the tables where the database does not do so itself: plans made for empty tables would
 * read all of them for ever.
 */
export function createStatistics(db: Queries): { refresh(): Promise<void> } {
  let known = -1;
  return {
    /** When there is half as much again since the last time, or at the first call. */
    async refresh() {
      const [row] = await db.query(size, []);
      const drawn = row?.drawn ?? 0;
      if (known >= 0 && drawn < known * 1.5 + 200) return;
      await db.query(refresh, []);
      known = drawn;
    },
  };
}
