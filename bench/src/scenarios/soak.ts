import { residentBytes } from "../measure.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { openPairs, window } from "./routes.ts";

/** What waits somewhere; each has a bound, and none may grow. */
const queues = /^om_(?:lane_depth|send_queue_bytes|database_waiting|cache_dirty_rows)\b/;

/** Whether a server stays as it is under load. */
export const soak: Scenario = {
  name: "soak",
  needs: "a server of its own with Redis",
  how: "Direct messages at half of the maximum, for so many minutes; each minute's latency, resident memory and queues at its end. The ceiling of the last minute is the first one, after a minute that is not counted.",
  runs: 1,
  onRequest: true,
  bars: [
    {
      what: "soak, ack p50 of the last minute",
      figure: "p50",
      unit: "ms",
      of: "the first",
      as: "multiple",
      atMost: 1.2,
    },
    {
      what: "soak, ack p99 of the last minute",
      figure: "p99",
      unit: "ms",
      of: "the first",
      as: "multiple",
      atMost: 1.5,
    },
    {
      what: "soak, memory at the end",
      figure: "megabytes",
      unit: "MB",
      of: "after the first minute",
      as: "multiple",
      atMost: 1.1,
    },
    { what: "soak, what waits in queues at the end", figure: "queued", unit: "messages or bytes", atMost: 10_000 },
  ],
  charts: [
    { title: "Ack latency at half of the maximum", unit: "ms", axis: "minute", show: { median: "p50", "99 %": "p99" } },
    { title: "Memory at half of the maximum", unit: "MB", axis: "minute", show: { resident: "megabytes" } },
  ],
  async open(stage) {
    const subject = await stage.ownServer("redis");
    const direct = await openPairs(stage, subject);
    const { rate } = await direct.send({ seconds: 5, window });
    const minute = async (): Promise<Figures> => {
      const { p50, p99 } = await direct.send({ seconds: 60, perSecond: rate / 2 });
      return { p50, p99, megabytes: residentBytes(subject.pid) / 1e6, queued: await subject.metric(queues) };
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
