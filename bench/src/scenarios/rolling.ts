import { setTimeout as delay } from "node:timers/promises";
import { startProxy, startRedis } from "@om/services";
import { openDevices } from "../load/devices.ts";
import { openOldApps } from "../load/old-apps.ts";
import type { Scenario } from "../scenario.ts";
import { addSessions } from "../stage/people.ts";
import { spread } from "../stage/pin.ts";
import type { Subject } from "../stage/stage.ts";

/** Three nodes behind HAProxy are stopped and started one after the other, while people write. */
export const rolling: Scenario = {
  name: "rolling",
  needs: "three servers with one PostgreSQL and one Redis, behind HAProxy",
  how: "2,000 sockets (--quick: 200) through HAProxy as ops/haproxy.cfg has it: 400 devices (--quick: 100) with our own client, which write 300 messages per second (--quick: 50) to each other; the others come back as existing apps do. The three servers are stopped with SIGTERM and started again, one after the other, twice (--quick: once). Each message must be acknowledged once, and delivered once and in order.",
  bars: [
    {
      what: "rolling deploy: longest time from sending a message until its recipient has it",
      figure: "gap",
      unit: "ms",
      atMost: 2_000,
    },
    { what: "rolling deploy: longest time that a socket is away", figure: "away", unit: "ms", atMost: 2_000 },
    { what: "rolling deploy: times that a socket changed its node, each message once", figure: "moves", unit: "moves" },
  ],
  runs: 1,
  onRequest: true,
  async open(stage) {
    const { quick } = stage.size;
    const redis = stage.own(await startRedis({ maxmemory: "2gb", "maxmemory-policy": "allkeys-lru" }));
    const env = {
      DATABASE_URL: (await stage.postgres()).createDatabase(),
      REDIS_URL: redis.url,
      DRAIN_SECONDS: quick ? "3" : "5",
    };
    const nodes: Subject[] = [];
    for (let i = 0; i < 3; i++) nodes.push(await stage.ownServer("plain", env));
    const [{ db }] = nodes as [Subject];
    const people = await addSessions(db, quick ? 100 : 400);
    const upstreams = nodes.map(({ url }) => new URL(url).host);
    const proxy = stage.own(await startProxy("haproxy", upstreams));
    const devices = stage.own(await openDevices([proxy.url], people));
    const others = await addSessions(db, quick ? 100 : 1_600);
    const address = `${proxy.url.replace("http", "ws")}/ws?token=`;
    const oldApps = stage.own(await openOldApps(others.map(({ token }) => address + token)));
    // A node that is not there leaves its processor to all the others.
    spread(process.pid);
    const roll = async (): Promise<void> => {
      for (let round = 0; round < (quick ? 1 : 2); round++) {
        for (const node of nodes) {
          await node.server.stop();
          await node.restart();
          spread(node.pid);
          // HAProxy looks twice per second.
          await delay(1_000);
        }
      }
    };
    return {
      async run() {
        const journey = await devices.send(quick ? 50 : 300, roll());
        const { moves, away } = oldApps.journey();
        const [row] = await db.query("select count(*) as stored from messages");
        if (Number(row?.["stored"]) !== journey.sent)
          throw new Error(`${journey.sent} messages were sent, and ${Number(row?.["stored"])} are stored`);
        return { ...journey, moves: journey.moves + moves, away: Math.max(journey.away, away) };
      },
    };
  },
};
