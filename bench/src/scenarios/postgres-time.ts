import { setTimeout as delay } from "node:timers/promises";
import { startPostgres } from "@om/services";
import type { Scenario } from "../scenario.ts";
import { openPairs } from "./routes.ts";

const perSecond = 100;

/** What PostgreSQL says its statements took; a commit waits for the disk, which is another matter. */
const durations = /duration: ([\d.]+) ms +(?:statement|parse|bind|execute)(?!(?: \S+)?: commit)/gi;

/** How long PostgreSQL works on one message when nothing waits. */
export const postgresTime: Scenario = {
  name: "postgres-time",
  needs: "a server without Redis, and a PostgreSQL that logs all statements",
  how: `${perSecond} messages per second; the sum of the durations that PostgreSQL logs (parse, bind, execute, without COMMIT), less what it logs when no messages come, per message.`,
  bars: [{ what: "PostgreSQL time of storing one message, nothing queued", figure: "ms", unit: "ms", atMost: 0.4 }],
  async open(stage) {
    const postgres = stage.own(await startPostgres(["fsync=on", "logging_collector=on"]));
    const subject = await stage.ownServer("plain", { DATABASE_URL: postgres.createDatabase() });
    const direct = await openPairs(stage, subject);
    await subject.db.query("alter system set log_min_duration_statement = 0");
    await subject.db.query("select pg_reload_conf()");
    await delay(500);
    const { seconds } = stage.size;
    const loggedBy = async (work: Promise<unknown>): Promise<number> => {
      const before = postgres.log().length;
      await work;
      const durationsOf = postgres.log().slice(before).matchAll(durations);
      return [...durationsOf].reduce((sum, [, ms]) => sum + Number(ms), 0);
    };
    return {
      async run() {
        const idle = await loggedBy(delay(seconds * 1000));
        const all = await loggedBy(direct.send({ seconds, perSecond }));
        return { ms: (all - idle) / Math.ceil(seconds * perSecond) };
      },
    };
  },
};
