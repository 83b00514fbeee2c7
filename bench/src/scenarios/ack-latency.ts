import { inserts } from "../ceilings/inserts.ts";
import type { Bar, Figures, Scenario } from "../scenario.ts";
import { kindTitles } from "./page.ts";
import { openPairs, window } from "./routes.ts";

/** Messages per second, when so many go at most. */
const loadsOf = (maximum: number): Record<string, number> => ({
  "100/s": 100,
  "25 %": maximum / 4,
  "50 %": maximum / 2,
  "75 %": (maximum * 3) / 4,
});
const figuresAt = (load: string, { p50, p99 }: { p50: number; p99: number }): Figures => ({
  [`p50@${load}`]: p50,
  [`p99@${load}`]: p99,
});

/** What is seldom done is slow by itself. */
function besideSeldom(kind: "plain" | "redis"): Bar[] {
  return ["p50", "p99"].map((figure) => ({
    what: `ack ${figure} ${kindTitles[kind]}, at 100 messages/s, beside commits that are as seldom`,
    figure: `seldom.${figure}`,
    unit: "ms",
    of: "one such commit, 100 times per second",
    as: "multiple",
  }));
}

/** How long an ack takes when messages come at a fixed rate, whether the server keeps up or not. */
export function ackLatency(
  kind: "plain" | "redis",
  bars: { atHundred: [number, number]; atQuarter: [number, number] },
) {
  const of = "one commit: one-row INSERT, 1 connection";
  const both = (load: string, at: string, [p50, p99]: [number, number]): Bar[] =>
    Object.entries({ p50, p99 }).map(([figure, atMost]) => ({
      what: `ack ${figure} ${kindTitles[kind]}, at ${load}`,
      figure: `${figure}@${at}`,
      unit: "ms",
      of,
      as: "multiple",
      atMost,
    }));
  const scenario: Scenario = {
    name: kind === "redis" ? "ack" : "ack-plain",
    needs: `a server ${kindTitles[kind]}`,
    how: "Messages are sent at fixed times over 100 sockets, at 100 per second and at shares of the maximum, which is measured first, in the same run.",
    bars: [
      ...both("100 messages/s", "100/s", bars.atHundred),
      ...besideSeldom(kind),
      ...both("a quarter of the maximum", "25 %", bars.atQuarter),
    ],
    charts: [
      {
        title: `Ack latency under load, ${kindTitles[kind]}`,
        unit: "ms",
        axis: "messages per second, in % of the maximum",
        show: { median: "p50", "99 %": "p99", "one commit, median": "ceiling.p50" },
      },
    ],
    async open(stage) {
      const { seconds } = stage.size;
      const direct = await openPairs(stage, await stage.server(kind));
      const { rate: maximum } = await direct.send({ seconds, window });
      const loads = loadsOf(maximum);
      const url = await stage.ceilingUrl();
      return {
        async ceiling() {
          const commit = await inserts(url, { seconds, connections: 1 });
          const seldom = await inserts(url, { seconds, connections: 1, perSecond: 100 });
          const figures = Object.keys(loads).map((load) => figuresAt(load, commit));
          return Object.assign({ "seldom.p50": seldom.p50, "seldom.p99": seldom.p99 }, ...figures) as Figures;
        },
        async run() {
          const figures: Figures = { maximum };
          for (const [load, perSecond] of Object.entries(loads))
            Object.assign(figures, figuresAt(load, await direct.send({ seconds, perSecond })));
          return Object.assign(figures, { "seldom.p50": figures["p50@100/s"], "seldom.p99": figures["p99@100/s"] });
        },
      };
    },
  };
  return scenario;
}
