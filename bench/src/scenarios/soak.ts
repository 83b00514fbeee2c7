import { collectable } from "@om/services";
import { residentBytes } from "../measure.ts";
import type { Bar, Figures, Scenario } from "../scenario.ts";
import { openPairs, window } from "./routes.ts";

/** What waits somewhere; each has a bound, and none may grow. */
const queues = /^om_(?:lane_depth|database_waiting|cache_dirty_rows)\b/;

/** Whether a server stays as it is under load. */
export const soak: Scenario = {
  name: "soak",
  needs: "a server of its own with Redis",
  how: "Direct messages at half of the maximum, for so many minutes; of each minute the latency, the most that waited in queues, and at its end resident memory and the heap after its garbage was collected. The ceiling of the last minute is the first one, after a minute that is not counted.",
  runs: 1,
  onRequest: true,
  bars: [
    multiple("ack p50 of the last minute", "p50", "ms", 1.2),
    multiple("ack p99 of the last minute", "p99", "ms", 1.5),
    multiple("memory at the end", "resident", "MB", 1.1),
    multiple("heap at the end", "heap", "MB", 1.1),
    multiple("most that waited in queues in the last minute", "queued", "messages", 2),
  ],
  charts: [
    { title: "Ack latency at half of the maximum", unit: "ms", axis: "minute", show: { median: "p50", "99 %": "p99" } },
    {
      title: "Memory at half of the maximum",
      unit: "MB",
      axis: "minute",
      show: { resident: "resident", "heap, without garbage": "heap" },
    },
  ],
  async open(stage) {
    const { env, collectGarbage } = await collectable();
    const subject = await stage.ownServer("redis", env);
    const direct = await openPairs(stage, subject);
    const { rate } = await direct.send({ seconds: 5, window });
    const minute = async (): Promise<Figures> => {
      // At least 1, so that there is a ratio.
      let queued = 1;
      const look = async (): Promise<void> => void (queued = Math.max(queued, await subject.metric(queues)));
      // A look that fails is one less; the next one fails the minute if the server is gone.
      const timer = setInterval(() => void look().catch(() => undefined), 1_000);
      const { p50, p99 } = await direct.send({ seconds: 60, perSecond: rate / 2 }).finally(() => clearInterval(timer));
      await look();
      return { p50, p99, queued, resident: residentBytes(subject.pid) / 1e6, heap: (await collectGarbage()) / 1e6 };
    };
    await minute();
    const first = await minute();
    return {
      ceiling: () => Promise.resolve(first),
      async run() {
        const all: Figures = {};
        let last = first;
        for (let n = 1; n <= stage.size.soakMinutes; n++) {
          if (n > 1) last = await minute();
          for (const [figure, value] of Object.entries(last)) all[`${figure}@${n}`] = value;
        }
        return { ...all, ...last };
      },
    };
  },
};

/** A figure of the last minute against the first. */
function multiple(what: string, figure: string, unit: string, atMost: number): Bar {
  return { what: `soak, ${what}`, figure, unit, of: "the first minute", as: "multiple", atMost };
}
