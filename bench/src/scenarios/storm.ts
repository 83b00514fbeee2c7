import { startProxy } from "@om/services";
import { openDevices } from "../load/devices.ts";
import { nowMs } from "../measure.ts";
import type { Scenario } from "../scenario.ts";
import { addGroup, addSessions } from "../stage/people.ts";
import type { Subject } from "../stage/stage.ts";
import { openPairs } from "./routes.ts";

const perSecond = 300;
const missed = 10;
/** Members of a group. */
const together = 100;

/** All devices lose their lines at once, miss something, and come back at once, while others write on. */
export const storm: Scenario = {
  name: "storm",
  needs: "a server with Redis, and HAProxy twice",
  how: `10,000 devices (--quick: 500) with our own client, through two HAProxies, which are killed and started again; meanwhile each has missed ${missed} messages of a group of ${together}. Others, who do not go through it, write ${perSecond} messages per second before and all the while. Queries are transactions of PostgreSQL.`,
  bars: [
    { what: "devices back at once: until all are caught up", figure: "seconds", unit: "s" },
    {
      what: "devices back at once: queries per second meanwhile",
      figure: "queries",
      unit: "queries/s",
      of: `${perSecond} messages/s alone`,
      as: "multiple",
    },
    {
      what: "devices back at once: acks of those who write on, p99",
      figure: "p99",
      unit: "ms",
      of: `${perSecond} messages/s alone`,
      as: "multiple",
    },
  ],
  runs: 1,
  onRequest: true,
  async open(stage) {
    const subject = await stage.ownServer("redis", { SOCKETS_PER_SECOND: "250" });
    const steady = await openPairs(stage, subject);
    const people = await addSessions(subject.db, stage.size.quick ? 500 : 10_000);
    const groups: { id: number; token: string }[] = [];
    for (let i = 0; i < people.length; i += together) {
      const members = people.slice(i, i + together);
      groups.push({ id: await addGroup(subject.db, members, 0), token: members[0]?.token ?? "" });
    }
    const upstreams = [new URL(subject.url).host];
    // A process may have 20,000 files open, two for each line.
    const proxies = [await startProxy("haproxy", upstreams), await startProxy("haproxy", upstreams)];
    proxies.forEach(stage.own);
    const urls = proxies.map(({ url }) => url);
    const devices = stage.own(await openDevices(urls, people));
    const write = async ({ id, token }: { id: number; token: string }): Promise<void> => {
      for (let i = 0; i < missed; i++) {
        const body = JSON.stringify({ content: `while you were away ${i}`, client_id: `${id}-${i}` });
        const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
        const answer = await fetch(`${subject.url}/api/groups/${id}/messages`, { method: "POST", headers, body });
        if (answer.status >= 300) throw new Error(await answer.text());
      }
    };
    return {
      ceiling: () => watched(subject, async () => steady.send({ seconds: 10, perSecond })),
      async run() {
        await Promise.all(proxies.map((proxy) => proxy.kill()));
        for (const group of groups) await write(group);
        const began = nowMs();
        await Promise.all(proxies.map((proxy) => proxy.start()));
        const back = devices.caughtUp(missed).then(() => (nowMs() - began) / 1_000);
        const figures = await watched(subject, async () => {
          const rounds = [];
          let seconds: number | undefined;
          void back.then((at) => (seconds = at));
          while (seconds === undefined) rounds.push(await steady.send({ seconds: 1, perSecond }));
          return { p99: Math.max(...rounds.map(({ p99 }) => p99)) };
        });
        return { ...figures, seconds: await back };
      },
    };
  },
};

/** The work's figures, and what the database did meanwhile. */
async function watched(subject: Subject, work: () => Promise<Record<string, number>>): Promise<Record<string, number>> {
  const transactions = async (): Promise<number> => {
    // A backend tells what it has done a second later at the most.
    await subject.db.query("select pg_sleep(1.1)");
    const [row] = await subject.db.query(
      "select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()",
    );
    return Number(row?.["n"]);
  };
  const [before, began] = [await transactions(), nowMs()];
  const figures = await work();
  const seconds = (nowMs() - began) / 1_000;
  return { ...figures, queries: ((await transactions()) - before) / seconds };
}
