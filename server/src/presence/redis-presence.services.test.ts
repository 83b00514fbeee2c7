import type { RedisServer } from "@om/services";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { openNode, type PresenceNode } from "../../tests/fixtures/presence-nodes.ts";
import { places, startPresenceRedis, type PresenceRedis } from "../../tests/fixtures/presence-redis.ts";
import { presenceSuite, untilCount, untilOnline } from "../../tests/fixtures/presence-suite.ts";

let place: PresenceRedis;
let server: RedisServer;

/** A command of redis-cli; the names of keys get the hash tag of a cluster. */
const cli = (...args: string[]): string =>
  server.cli(...args.map((arg) => (/^(online|presence):/.test(arg) ? place.tag + arg : arg)));
const patient = { timeout: 20_000, interval: 5 };
const members = (): string[] =>
  cli("SMEMBERS", "online:users")
    .split("\n")
    .filter((one) => one !== "")
    .toSorted();
const toldOf = (node: PresenceNode, userId: number): boolean[] =>
  node.changes.filter((change) => change.userId === userId).map(({ online }) => online);

describe.each(places)("%s", (where) => {
  beforeAll(async () => {
    place = await startPresenceRedis(where);
    ({ server } = place);
  });
  afterAll(() => place[Symbol.asyncDispose]());
  beforeEach(() => void cli("FLUSHALL"));

  describe("presence by way of Redis", () => presenceSuite(() => openNode(place)));

  test("two nodes, several devices: online from the first device anywhere to the last one's end, and told once each", async () => {
    await using a = await openNode(place);
    await using b = await openNode(place);
    const first = a.connect(1);
    await untilOnline(b.presence, 1, true);
    expect(members()).toEqual(["1"]);
    const others = [a.connect(1), b.connect(1), b.connect(1), b.connect(2)];
    await untilCount(a.presence, 2);
    first();
    others[0]?.();
    others[1]?.();
    // Whoever leaves later has left: all that was to be told before has been told.
    const third = a.connect(3);
    third();
    await vi.waitFor(() => expect(toldOf(a, 3)).toEqual([true, false]), patient);
    expect(members()).toEqual(["1", "2"]);
    await untilOnline(a.presence, 1, true);
    others[2]?.();
    await vi.waitFor(() => expect(toldOf(b, 1)).toEqual([false]), patient);
    expect(toldOf(a, 1)).toEqual([true]);
    await untilOnline(a.presence, 1, false);
    expect(cli("SCARD", "online:users")).toBe("1");
    expect([a.failures, b.failures]).toEqual([[], []]);
  });

  test("kill -9: the users of a dead node are offline and told so, those who are on another node too are not", async () => {
    await using b = await openNode(place);
    await using a = await openNode(place, { lifeMs: 300 });
    for (let userId = 1; userId <= 250; userId++) a.connect(userId);
    b.connect(7);
    b.connect(999);
    await untilCount(b.presence, 251);
    await untilOnline(b.presence, 1, true);
    await a.kill();
    await untilCount(b.presence, 2);
    expect(members()).toEqual(["7", "999"]);
    await untilOnline(b.presence, 1, false);
    await untilOnline(b.presence, 7, true);
    const gone = (): Set<number> =>
      new Set(b.changes.filter(({ nodeDied }) => nodeDied === true).map(({ userId }) => userId));
    await vi.waitFor(() => expect(gone().size).toBe(249), patient);
    expect(gone()).not.toContain(7);
    await vi.waitFor(() => expect(cli("ZCARD", "presence:nodes")).toBe("1"), patient);
  });

  test("a graceful stop takes the node's users off at once", async () => {
    await using b = await openNode(place);
    const a = await openNode(place);
    for (let userId = 1; userId <= 250; userId++) a.connect(userId);
    b.connect(7);
    await untilCount(b.presence, 250);
    await a[Symbol.asyncDispose]();
    expect(members()).toEqual(["7"]);
    expect([cli("ZCARD", "presence:nodes"), cli("DBSIZE")]).toEqual(["1", "5"]);
    expect(a.failures).toEqual([]);
  });

  test("a node that was taken for dead while it lives is back by itself, and its users are told as online again", async () => {
    await using a = await openNode(place, { heartbeatMs: 3_600_000, refreshMs: 3_600_000 });
    await using b = await openNode(place);
    a.connect(1);
    await untilOnline(b.presence, 1, true);
    const name =
      cli("ZRANGE", "presence:nodes", "0", "-1")
        .split("\n")
        .find((node) => cli("SCARD", `presence:node:${node}`) === "1") ?? "";
    cli("ZADD", "presence:nodes", "XX", "1", name);
    await vi.waitFor(() => expect(toldOf(b, 1)).toEqual([false]), patient);
    // It notices as soon as it has something to say or to ask.
    await a.presence.lookup([2]);
    await vi.waitFor(() => expect(toldOf(a, 1)).toEqual([true, true]), patient);
    await untilOnline(b.presence, 1, true);
    expect(cli("EXISTS", `presence:node:${name}`)).toBe("0");
  });

  describe("whatever Redis forgets is back within a refresh", () => {
    const truth = ["1", "2", "3", "4", "5"];
    async function open(registerMs = 50): Promise<[PresenceNode, PresenceNode] & AsyncDisposable> {
      const nodes: [PresenceNode, PresenceNode] = [
        await openNode(place, { registerMs }),
        await openNode(place, { registerMs }),
      ];
      for (const userId of [1, 2, 3]) nodes[0].connect(userId);
      for (const userId of [3, 4, 5]) nodes[1].connect(userId);
      await vi.waitFor(() => expect(members()).toEqual(truth), patient);
      const stop = async (): Promise<void> =>
        void (await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]())));
      return Object.assign(nodes, { [Symbol.asyncDispose]: stop });
    }
    async function untilTrue(nodes: readonly PresenceNode[]): Promise<void> {
      await vi.waitFor(async () => {
        expect(members()).toEqual(truth);
        for (const { presence } of nodes) {
          const online = await presence.lookup([1, 2, 3, 4, 5, 6]);
          expect([1, 2, 3, 4, 5, 6].map(online)).toEqual([true, true, true, true, true, false]);
        }
      }, patient);
    }

    test.each([
      ["FLUSHALL", () => cli("FLUSHALL")],
      ["DEL online:users", () => cli("DEL", "online:users")],
      ["the keys of users", () => cli("DEL", "online:1", "presence:user:2", "online:4", "presence:user:4", "online:3")],
      ["the keys of nodes", () => cli("DEL", "presence:nodes")],
      [
        "all of a node but its users",
        () =>
          cli(
            "EVAL",
            "for _, key in ipairs(redis.call('KEYS', '*presence:*')) do redis.call('DEL', key) end return 0",
            "0",
          ),
      ],
      [
        "eviction of everything",
        () => {
          const evicted = (): number => Number(/evicted_keys:(\d+)/.exec(cli("INFO", "stats"))?.[1]);
          const before = evicted();
          cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
          cli("CONFIG", "SET", "maxmemory", "1");
          cli("CONFIG", "SET", "maxmemory", "0");
          expect(evicted()).toBeGreaterThan(before);
        },
      ],
      [
        "other types under our names",
        () => [
          cli("SET", "online:users", "x"),
          cli("SET", "presence:nodes", "x"),
          cli("LPUSH", "online:2", "x"),
          cli("SET", "presence:user:5", "x"),
        ],
      ],
    ])("%s", async (_, destroy) => {
      await using nodes = await open();
      for (let round = 0; round < 3; round++) {
        destroy();
        await untilTrue(nodes);
      }
      // And it stays so: users who leave are gone.
      await nodes[0][Symbol.asyncDispose]();
      expect(members()).toEqual(["3", "4", "5"]);
    });

    test("until then nobody is called offline who is connected", async () => {
      await using nodes = await open(60_000);
      const said = new Set<boolean | undefined>();
      cli("FLUSHALL");
      await vi.waitFor(async () => {
        const online = await nodes[0].presence.lookup([4, 5]);
        said.add(online(4)).add(online(5));
        expect([online(4), online(5)]).toEqual([true, true]);
      }, patient);
      expect(said).not.toContain(false);
    });
  });

  test("a user whose key was evicted is unknown and not offline until it is written again", async () => {
    await using a = await openNode(place, { refreshMs: 3_600_000 });
    await using b = await openNode(place, { refreshMs: 3_600_000 });
    a.connect(1);
    await untilOnline(b.presence, 1, true);
    cli("DEL", "online:1");
    expect((await b.presence.lookup([1, 2]))(1)).toBeUndefined();
    await untilOnline(b.presence, 2, false);
  });

  test("ghosts of the first server leave at the first sweep", async () => {
    cli("SADD", "online:users", "41", "42", "junk");
    await using a = await openNode(place);
    a.connect(1);
    await vi.waitFor(() => expect(members()).toEqual(["1"]), patient);
    await vi.waitFor(() => expect(toldOf(a, 41)).toEqual([false]), patient);
    expect(a.changes.some(({ nodeDied }) => nodeDied === true)).toBe(false);
  });

  test("a pong writes its user's keys again, and not sooner than it may", async () => {
    await using a = await openNode(place, { refreshMs: 6_000, minRewriteMs: 0 });
    await using b = await openNode(place, { refreshMs: 6_000, minRewriteMs: 60_000 });
    a.connect(1);
    b.connect(2);
    await untilCount(a.presence, 2);
    await untilOnline(b.presence, 1, true);
    for (const userId of ["1", "2"]) cli("PEXPIRE", `online:${userId}`, "50000");
    a.presence.userActive(1);
    b.presence.userActive(2);
    await vi.waitFor(() => expect(Number(cli("PTTL", "online:1"))).toBeGreaterThan(80_000), patient);
    expect(Number(cli("PTTL", "online:2"))).toBeLessThanOrEqual(50_000);
  });
});
