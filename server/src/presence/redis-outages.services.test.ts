import { startFaultProxy, type RedisServer } from "@om/services";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openNode, type PresenceNode } from "../../tests/fixtures/presence-nodes.ts";
import { places, startPresenceRedis, type PresenceRedis } from "../../tests/fixtures/presence-redis.ts";
import { redisClient } from "../../tests/fixtures/redis-clients.ts";
import { untilCount, untilOnline } from "../../tests/fixtures/presence-suite.ts";

let place: PresenceRedis;
let server: RedisServer;
let a: PresenceNode;
let b: PresenceNode;
const patient = { timeout: 30_000, interval: 5 };
/** Calls fail as fast as they do in earnest. */
const strict = { lookupMs: 50, callMs: 200 };

async function open(where: (typeof places)[number]): Promise<void> {
  place = await startPresenceRedis(where);
  ({ server } = place);
  a = await openNode(place, strict);
  b = await openNode(place, strict);
  a.connect(1);
  b.connect(2);
  for (const { presence } of [a, b]) await untilCount(presence, 2);
  for (const { presence } of [a, b]) for (const userId of [1, 2]) await untilOnline(presence, userId, true);
  await untilOnline(a.presence, 3, false);
}
afterEach(async () => {
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

const told = (node: PresenceNode): string[] => node.changes.map(({ userId, online }) => `${userId} ${online}`);

describe.each(places)("%s", (where) => {
  beforeEach(() => open(where));

  async function whileAway(): Promise<void> {
    await untilOnline(a.presence, 2, undefined);
    await untilOnline(b.presence, 1, undefined);
    await untilOnline(a.presence, 3, undefined);
    await untilOnline(a.presence, 1, true);
    await untilCount(a.presence, 1);
    // Whoever comes now is online all the same; whoever leaves is unknown, and nobody is told.
    a.connect(4);
    await untilOnline(a.presence, 4, true);
    await vi.waitFor(() => expect(told(a)).toContain("4 true"), patient);
    await untilCount(a.presence, 2);
    const leave = a.connect(5);
    await vi.waitFor(() => expect(told(a)).toContain("5 true"), patient);
    leave();
    await untilOnline(a.presence, 5, undefined);
  }

  async function untilBack(): Promise<void> {
    await vi.waitFor(async () => {
      for (const { presence } of [a, b]) {
        const online = await presence.lookup([1, 2, 3, 4, 5]);
        expect([1, 2, 3, 4, 5].map(online)).toEqual([true, true, false, true, false]);
        expect(await presence.count()).toBe(3);
      }
    }, patient);
    expect(server.cli("SMEMBERS", `${place.tag}online:users`).split("\n").toSorted()).toEqual(["1", "2", "4"]);
  }

  test("Redis hangs: others are unknown, not offline; when it goes on all is right by itself", async () => {
    server.pause();
    await whileAway();
    server.resume();
    await untilBack();
    expect([a.failures, b.failures]).toEqual([[], []]);
  });

  test("Redis dies and starts again empty: likewise", async () => {
    await server.kill();
    await whileAway();
    await server.start();
    await untilBack();
    // A cluster says so where a connection to a server alone would have failed.
    const others = [...a.failures, ...b.failures].filter((error) => !String(error).includes("CLUSTERDOWN"));
    expect(others).toEqual([]);
  });

  test("a full Redis that takes no writes: whoever is not found is unknown, as soon as that matters", async () => {
    await using c = await openNode(place, { lifeMs: 200 });
    c.connect(6);
    await untilOnline(a.presence, 6, true);
    server.cli("CONFIG", "SET", "maxmemory", "1");
    await untilOnline(c.presence, 3, undefined);
    await untilOnline(c.presence, 6, true);
    await vi.waitFor(() => expect(String(c.failures)).toContain("OOM"), patient);
    server.cli("CONFIG", "SET", "maxmemory", "0");
    await untilOnline(c.presence, 3, false);
    await untilOnline(a.presence, 6, true);
  });
});

test("a node that is cut off for longer than it may be silent: others take its users off, and it brings them back", async () => {
  await open("standalone");
  await using proxy = await startFaultProxy(server.port);
  await using c = await openNode({ client: (options) => redisClient(proxy, options) }, { ...strict, lifeMs: 300 });
  const leave = c.connect(6);
  c.connect(7);
  await untilOnline(a.presence, 6, true);
  proxy.mode("blackhole");
  await untilOnline(c.presence, 1, undefined);
  await untilOnline(a.presence, 6, false);
  await vi.waitFor(
    () => expect([...told(a), ...told(b)]).toEqual(expect.arrayContaining(["6 false", "7 false"])),
    patient,
  );
  leave();
  proxy.mode("pass");
  await untilOnline(a.presence, 7, true);
  await vi.waitFor(() => expect(told(c).filter((one) => one === "7 true")).toHaveLength(2), patient);
  await untilOnline(a.presence, 6, false);
  await untilCount(a.presence, 3);
});
