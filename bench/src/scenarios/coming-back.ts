import { setTimeout as delay } from "node:timers/promises";
import { within } from "../deadline.ts";
import { field, openSockets, type BenchSocket } from "../load/socket.ts";
import { nowMs } from "../measure.ts";
import type { Scenario } from "../scenario.ts";
import { addPeople, addTalks } from "../stage/people.ts";
import { until } from "../stage/stage.ts";

const missed = 10;

/** After an outage everybody comes back at once, and has missed something. */
export const comingBack: Scenario = {
  name: "coming-back",
  needs: "a server with Redis",
  how: `5,000 sockets (--quick: 1,000) come back, 100 of them at a time; each has missed ${missed} direct messages and is back when it has got them all, once and in order. The ceiling only accepts.`,
  bars: [
    {
      what: `sockets come back that missed ${missed} messages each`,
      figure: "rate",
      unit: "sockets/s",
      of: "bare ws accepts",
      atLeast: 0.3,
    },
  ],
  async open(stage) {
    const subject = await stage.server("redis");
    const bare = await stage.bare();
    const people = await addPeople(subject.db, stage.size.quick ? 1_000 : 5_000);
    const [writer] = await addPeople(subject.db, 1);
    if (writer === undefined) throw new Error("nobody writes");
    await addTalks(
      subject.db,
      people.map((person) => [writer, person]),
      missed,
    );
    const ids = people.map(({ id }) => id);
    const online = (): Promise<number> => subject.metric(/^om_sockets/);
    const others = await online();
    return {
      ceiling: () =>
        comeBack(
          people.map(() => bare.wsUrl),
          0,
        ),
      async run() {
        // Nobody has confirmed anything, unless a heartbeat came in between.
        await subject.db.query("update participants set delivered_seq = 0 where user_id = any($1::bigint[])", [ids]);
        const figures = await comeBack(
          people.map(({ token }) => `${subject.wsUrl}/ws?token=${token}`),
          missed,
        );
        // A socket that is reset while the server does not read from it stays until its heartbeat.
        await until("the sockets are closed", async () => (await online()) <= others + people.length / 50);
        // What they have proven to have received is stored later, and must not be taken for the next run's.
        await delay(300);
        await until("all writes are done", async () => (await subject.metric(/^om_lane_depth/)) === 0);
        return figures;
      },
    };
  },
};

/** Opens a socket at each address, and waits for so many messages on each. */
async function comeBack(urls: readonly string[], messages: number): Promise<{ rate: number }> {
  let [waiting, sockets]: [number, BenchSocket[]] = [urls.length, []];
  const started = nowMs();
  try {
    const back = new Promise<void>((resolve, reject) => {
      const count = (): void => void (--waiting === 0 && resolve());
      openSockets(urls, () => {
        let got = 0;
        return {
          onFrame(data) {
            if (!data.includes('"type":"message"')) return;
            const text = field(data, '"content":"');
            if (!text.startsWith(`line ${++got} of`)) reject(new Error(`message ${got} was to come, not ${text}`));
            if (got === messages) count();
          },
          onClose: (why) => reject(new Error(`a socket: ${why}`)),
        };
      }).then((opened) => {
        sockets = opened;
        if (messages === 0) resolve();
      }, reject);
    });
    await within(120_000, () => `${waiting} of ${urls.length} sockets are not back`, back);
    return { rate: (urls.length / (nowMs() - started)) * 1000 };
  } finally {
    for (const socket of sockets) socket[Symbol.dispose]();
  }
}
