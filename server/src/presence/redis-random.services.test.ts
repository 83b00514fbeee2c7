import type { RedisServer } from "@om/services";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { RedisUnavailable, type Redis } from "../platform/redis/redis.ts";
import { openNode, type PresenceNode } from "../../tests/fixtures/presence-nodes.ts";
import { startPresenceRedis, type PresenceRedis } from "../../tests/fixtures/presence-redis.ts";
import { askedBy } from "../../tests/fixtures/redis-clients.ts";

let place: PresenceRedis;
let server: RedisServer;
beforeAll(async () => {
  place = await startPresenceRedis("standalone");
  ({ server } = place);
});
afterAll(() => place[Symbol.asyncDispose]());

const patient = { timeout: 30_000, interval: 5 };
const everybody = [1, 2, 3, 4, 5, 6, 7, 8];

/** Three places for nodes, and who is connected to which how often. */
interface World {
  nodes: (PresenceNode | undefined)[];
  devices: { place: number; userId: number; leave: () => void }[];
  /** Calls until one fails, of each place; whether Redis gets that one all the same. */
  troubles: ({ after: number; isSent: boolean } | undefined)[];
}

const anyPlace = fc.nat(2);
const userId = fc.constantFrom(...everybody);
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant("connect" as const), place: anyPlace, userId }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("disconnect" as const), which: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const), place: anyPlace }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const), place: anyPlace }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), userId }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("clear" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("trouble" as const),
      place: anyPlace,
      after: fc.nat(12),
      isSent: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("look" as const), place: anyPlace }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A node is started where there is none. */
async function nodeAt(world: World, at: number): Promise<PresenceNode> {
  const times = { lifeMs: 400, lookupMs: 2_000, callMs: 2_000 };
  return (world.nodes[at] ??= await openNode(place, times, (redis) => troubled(redis, world.troubles, at)));
}

function troubled(redis: Redis, troubles: World["troubles"], at: number): Redis {
  async function ask<T>(call: () => Promise<T>): Promise<T> {
    const trouble = troubles[at];
    if (trouble === undefined || trouble.after-- > 0) return call();
    troubles[at] = undefined;
    if (trouble.isSent) await call();
    throw new RedisUnavailable("timeout");
  }
  return askedBy(redis, {
    call: (...args) => ask(() => redis.call(...args)),
    script: (...args) => ask(() => redis.script(...args)),
  });
}

async function take(world: World, one: Step): Promise<void> {
  switch (one.do) {
    case "connect":
      world.devices.push({ ...one, leave: (await nodeAt(world, one.place)).connect(one.userId) });
      return;
    case "disconnect":
      if (world.devices.length > 0) world.devices.splice(one.which % world.devices.length, 1)[0]?.leave();
      return;
    case "crash":
    case "stop": {
      const node = world.nodes[one.place];
      if (one.do === "crash") await node?.kill();
      await node?.[Symbol.asyncDispose]();
      world.nodes[one.place] = undefined;
      world.devices = world.devices.filter((device) => device.place !== one.place);
      return;
    }
    case "flush":
      server.cli("FLUSHALL");
      return;
    case "delete":
      server.cli("DEL", `online:${one.userId}`, `presence:user:${one.userId}`);
      return;
    case "clear":
      server.cli("DEL", "online:users");
      return;
    case "trouble":
      world.troubles[one.place] = { after: one.after, isSent: one.isSent };
      return;
    case "restart":
      await server.kill();
      await server.start();
      return;
    case "look": {
      const online = await (await nodeAt(world, one.place)).presence.lookup(everybody);
      for (const device of world.devices) if (device.place === one.place) expect(online(device.userId)).toBe(true);
    }
  }
}

test("whatever happens: once it is quiet SCARD is the number of connected users, and every node knows who they are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: "max" }), async (steps) => {
      server.cli("FLUSHALL");
      const world: World = { nodes: [], devices: [], troubles: [] };
      try {
        for (const one of steps) await take(world, one);
        world.troubles.length = 0;
        await nodeAt(world, 0);
        const truth = new Set(world.devices.map((device) => device.userId));
        await vi.waitFor(async () => {
          expect(Number(server.cli("SCARD", "online:users"))).toBe(truth.size);
          expect(Number(server.cli("ZCARD", "presence:nodes"))).toBe(world.nodes.filter(Boolean).length);
          for (const node of world.nodes) {
            const online = await node?.presence.lookup(everybody);
            if (online !== undefined)
              expect(everybody.filter((one) => online(one) === true)).toEqual(
                everybody.filter((one) => truth.has(one)),
              );
            if (online !== undefined) expect(everybody.map(online)).not.toContain(undefined);
          }
        }, patient);
      } finally {
        for (const node of world.nodes) await node?.[Symbol.asyncDispose]();
      }
      expect(server.cli("SCARD", "online:users")).toBe("0");
    }),
    // Shrinking would wait for every failure anew.
    { numRuns: 20, endOnFailure: true },
  );
});
