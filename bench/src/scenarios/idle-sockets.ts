import { collectable } from "@om/services";
import { setTimeout as delay } from "node:timers/promises";
import { startBare } from "../ceilings/bare.ts";
import { openSockets, type BenchSocket } from "../load/socket.ts";
import { residentBytes } from "../measure.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { addPeople } from "../stage/people.ts";
import { until } from "../stage/stage.ts";

const ignore = { onFrame: () => undefined, onClose: () => undefined };

/** What a socket costs that says nothing. */
export const idleSockets: Scenario = {
  name: "idle-sockets",
  needs: "a server of its own with Redis",
  how: "One socket for each of 10,000 users (--quick: 2,000). Resident memory of the process after its garbage was collected, with all of them less that with a fifth of them, which fill what was free before. Each run has new processes.",
  runs: 3,
  bars: [
    {
      what: "idle signed-in socket, memory",
      figure: "kilobytes",
      unit: "kB",
      of: "bare ws",
      as: "multiple",
      atMost: 1.6,
    },
  ],
  charts: [
    {
      title: "Memory of an idle socket",
      unit: "kB",
      show: { "bare ws": "ceiling.kilobytes", "signed in, with Redis": "kilobytes" },
    },
  ],
  async open(stage) {
    const count = stage.size.quick ? 2_000 : 10_000;
    const inspected = await collectable();
    const subject = await stage.ownServer("redis", inspected.env);
    const people = await addPeople(subject.db, count);
    const urls = people.map(({ token }) => `${subject.wsUrl}/ws?resume=1&token=${token}`);
    await subject.server.stop();
    return {
      async ceiling() {
        const { env, collectGarbage } = await collectable();
        await using bare = await startBare(env);
        return await perSocket(
          urls.map(() => bare.wsUrl),
          { pid: bare.pid, collectGarbage },
        );
      },
      async run() {
        await subject.restart();
        const settled = (opened: number): Promise<void> =>
          until("all users are online", async () => (await subject.metric(/^om_online_users/)) === opened);
        const figures = await perSocket(urls, { pid: subject.pid, collectGarbage: inspected.collectGarbage, settled });
        await subject.server.stop();
        return figures;
      },
    };
  },
};

async function perSocket(
  urls: readonly string[],
  at: { pid: number; collectGarbage(): Promise<number>; settled?(opened: number): Promise<void> },
): Promise<Figures> {
  const few = urls.length / 5;
  const sockets: BenchSocket[] = [];
  const residentWith = async (more: readonly string[]): Promise<number> => {
    sockets.push(...(await openSockets(more, () => ignore)));
    await at.settled?.(sockets.length);
    await at.collectGarbage();
    await delay(500);
    await at.collectGarbage();
    return residentBytes(at.pid);
  };
  const before = await residentWith(urls.slice(0, few));
  const kilobytes = ((await residentWith(urls.slice(few))) - before) / (urls.length - few) / 1000;
  for (const socket of sockets) socket[Symbol.dispose]();
  return { kilobytes };
}
