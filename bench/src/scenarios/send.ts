import { inserts } from "../ceilings/inserts.ts";
import type { Scenario } from "../scenario.ts";
import { kindTitles } from "./page.ts";
import { openBarePairs, openPairs, window } from "./routes.ts";

/** Durable direct messages, as many as go. */
export function send(kind: "plain" | "redis", atLeast: number): Scenario {
  const what = `direct messages ${kindTitles[kind]}`;
  return {
    name: kind === "redis" ? "send" : "send-plain",
    needs: `a server ${kindTitles[kind]}`,
    how: "100 senders with 8 messages on their way each. Each message must be acknowledged once, and delivered once, in order and with its text.",
    bars: [
      {
        what: `durable ${what}, delivered`,
        figure: "rate",
        unit: "messages/s",
        of: "one-row INSERTs, 8 connections",
        atLeast,
      },
      {
        what: `${what}, server CPU per message`,
        figure: "cpu",
        unit: "µs",
        of: "bare ws, one frame in, two out",
        as: "multiple",
        ...(kind === "redis" ? { atMost: 3 } : {}),
      },
    ],
    async open(stage) {
      const direct = await openPairs(stage, await stage.server(kind));
      const { seconds } = stage.size;
      const bare = await openBarePairs(stage, await direct.send({ seconds: 0.2, window: 1 }));
      const url = await stage.ceilingUrl();
      return {
        async ceiling() {
          const { cpu } = await bare.send({ seconds, window });
          return { ...(await inserts(url, { seconds, connections: 8 })), cpu };
        },
        run: () => direct.send({ seconds, window }),
      };
    },
  };
}
