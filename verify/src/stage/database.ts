import pg from "pg";
import { createClockMap, now, type ClockPair } from "../load/clock.ts";
import type { Ms } from "../history/events.ts";
import { installAccount } from "../truth/install.ts";
import { readLog, type LogRow } from "../truth/log.ts";

/** The harness's own line to PostgreSQL. */
export interface HarnessDatabase extends AsyncDisposable {
  readonly hasCache: boolean;
  /** Ends one connection of a server, as an administrator may. */
  endOneBackend(): Promise<void>;
  /** All that was committed since the account began. */
  readAccount(): Promise<LogRow[]>;
}

/** Begins the account of a migrated database, and compares clocks from then on. */
export async function openDatabase(url: string): Promise<HarnessDatabase> {
  const db = new pg.Client({ connectionString: url, application_name: "verify" });
  await db.connect();
  const { hasCache } = await installAccount(db);
  const pairs: ClockPair[] = [];
  const compare = async (): Promise<void> => {
    const before = now();
    const { rows } = await db.query<{ ms: string }>("select extract(epoch from clock_timestamp()) * 1000 as ms");
    const took: Ms = now() - before;
    pairs.push({ at: before + took / 2, other: Number(rows[0]?.ms), took });
  };
  for (let i = 0; i < 20; i++) await compare();
  const timer = setInterval(() => void compare().catch(() => undefined), 500);
  return {
    hasCache,
    endOneBackend: async () =>
      void (await db.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' order by random() limit 1`,
      )),
    async readAccount() {
      await compare();
      return readLog(db, createClockMap(pairs));
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await db.end();
    },
  };
}
