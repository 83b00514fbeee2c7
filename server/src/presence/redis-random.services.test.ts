import { startRedis, type RedisServer } from "@om/services";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openNode, type PresenceNode } from "../testing/presence-nodes.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server[Symbol.asyncDispose]());

const patient = { timeout: 30_000, interval: 5 };
const everybody = [1, 2, 3, 4, 5, 6, 7, 8];

/** Three places for nodes, and who is connected to which how often. */
interface World {
  nodes: (PresenceNode | undefined)[];
  devices: { place: number; userId: number; leave: () => void }[];
}

const place = fc.nat(2);
const userId = fc.constantFrom(...everybody);
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant("connect" as const), place, userId }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("disconnect" as const), which: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const), place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const), place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), userId }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("clear" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("look" as const), place }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A node is started where there is none. */
async function nodeAt(world: World, at: number): Promise<PresenceNode> {
  return (world.nodes[at] ??= await openNode(server, { lifeMs: 400, lookupMs: 2_000, callMs: 2_000 }));
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
      const world: World = { nodes: [], devices: [] };
      try {
        for (const one of steps) await take(world, one);
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
