import { setTimeout as delay } from "node:timers/promises";
import { startProxy, startRedis } from "@om/services";
import { openDevices } from "../load/devices.ts";
import type { Scenario } from "../scenario.ts";
import { addSessions } from "../stage/people.ts";
import type { Subject } from "../stage/stage.ts";

/** Three nodes behind HAProxy are stopped and started one after the other, while people write. */
export const rolling: Scenario = {
  name: "rolling",
  needs: "three servers with one PostgreSQL and one Redis, behind HAProxy",
  how: "2,000 devices (--quick: 100) with our own client, through HAProxy as ops/haproxy.cfg has it; 300 messages per second (--quick: 50). The three servers are stopped with SIGTERM and started again, one after the other, twice (--quick: once). Each message must be acknowledged once, and delivered once and in order.",
  bars: [
    {
      what: "rolling deploy: longest time from sending a message until its recipient has it",
      figure: "gap",
      unit: "ms",
      atMost: 2_000,
    },
    { what: "rolling deploy: longest time that a device has no line", figure: "away", unit: "ms", atMost: 2_000 },
    { what: "rolling deploy: times that a device changed its node, each message once", figure: "moves", unit: "moves" },
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
    const people = await addSessions(db, quick ? 100 : 2_000);
    const upstreams = nodes.map(({ url }) => new URL(url).host);
    const proxy = stage.own(await startProxy("haproxy", upstreams));
    const devices = stage.own(await openDevices([proxy.url], people));
    const roll = async (): Promise<void> => {
      for (let round = 0; round < (quick ? 1 : 2); round++) {
        for (const node of nodes) {
          await node.server.stop();
          await node.restart();
          // HAProxy looks twice per second.
          await delay(1_000);
        }
      }
    };
    return { run: () => devices.send(quick ? 50 : 300, roll()) };
  },
};
