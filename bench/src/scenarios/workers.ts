import type { Figures, Scenario } from "../scenario.ts";
import { spread } from "../stage/pin.ts";
import type { Stage } from "../stage/stage.ts";
import { openPairs, window } from "./routes.ts";

/** What a second process on the same port brings. */
export const workers: Scenario = {
  name: "workers",
  needs: "two servers with Redis, with one worker and with two",
  how: "100 senders with 8 messages on their way each, as in send; the ceiling is the server with one worker. Nothing is pinned, so on two processors workers, PostgreSQL, Redis and clients are in each other's way.",
  bars: [
    {
      what: "direct messages, delivered, with 2 workers",
      figure: "rate",
      unit: "messages/s",
      of: "1 worker",
    },
  ],
  onRequest: true,
  async open(stage) {
    const [one, two] = [await openWith(stage, "1"), await openWith(stage, "2")];
    return { ceiling: one, run: two };
  },
};

async function openWith(stage: Stage, count: string): Promise<() => Promise<Figures>> {
  const subject = await stage.ownServer("redis", { WORKERS: count });
  spread(subject.pid);
  const direct = await openPairs(stage, subject);
  return async () => {
    const { rate, p50, p99 } = await direct.send({ seconds: stage.size.seconds, window });
    return { rate, p50, p99 };
  };
}
