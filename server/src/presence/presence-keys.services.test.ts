import type { RedisServer } from "@om/services";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Redis, Reply } from "../platform/redis/redis.ts";
import { PresenceModel } from "../../tests/fixtures/presence-model.ts";
import { places, startPresenceRedis, type PresenceRedis } from "../../tests/fixtures/presence-redis.ts";
import { until } from "../../tests/fixtures/redis-clients.ts";
import { presenceKeys, presenceScripts, type PresenceKeys } from "./presence-keys.ts";

let place: PresenceRedis;
let server: RedisServer;
let redis: Redis;
let keys: PresenceKeys;
const patience = 5_000;
const life = 60_000;

/** A command over keys, all of whose names get the hash tag of a cluster. */
const call = (command: string, ...args: (string | number)[]): Promise<Reply> =>
  redis.call(patience, command, ...args.map(named));
const cli = (...args: string[]): string => server.cli(...args.map((arg) => String(named(arg))));
const named = (arg: string | number): string | number =>
  /^(online|presence):/.test(String(arg)) ? place.tag + String(arg) : arg;
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const texts = (reply: Reply): string[] => (Array.isArray(reply) ? reply.map(String) : []);
const everybody = [1, 2, 3, 4, 5];
const everywhere = ["a", "b", "c"];

/** Lists in order, however deep. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(sorted).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, sorted(part)]));
}

describe.each(places)("%s", (where) => {
  beforeAll(async () => {
    place = await startPresenceRedis(where);
    ({ server } = place);
    redis = place.client({ scripts: presenceScripts });
    await until(redis, true);
    keys = presenceKeys(redis, patience);
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });
  beforeEach(() => void server.cli("FLUSHALL"));

  describe("each call does to Redis what a plain model says, in any order and whatever others delete", () => {
    const node = fc.constantFrom(...everywhere);
    const users = fc.uniqueArray(fc.constantFrom(...everybody), { minLength: 1 });
    const step = fc.oneof(
      fc.record({ do: fc.constant("join" as const), node }),
      fc.record({ do: fc.constant("beat" as const), node }),
      fc.record({ do: fc.constant("add" as const), node, users }),
      fc.record({ do: fc.constant("remove" as const), node, users }),
      fc.record({ do: fc.constant("reap" as const), node, own: fc.boolean() }),
      fc.record({ do: fc.constant("sweep" as const) }),
      fc.record({ do: fc.constant("fall silent" as const), node }),
      fc.record({
        do: fc.constant("delete" as const),
        what: fc.constantFrom("users", "flag", "nodesOf", "usersOf"),
        node,
        user: fc.constantFrom(...everybody),
      }),
      fc.record({ do: fc.constant("flush" as const) }),
    );
    type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

    const flush = (): Promise<Reply> =>
      call(
        "DEL",
        "presence:nodes",
        "online:users",
        ...everywhere.map((one) => `presence:node:${one}`),
        ...everybody.flatMap((user) => [`online:${user}`, `presence:user:${user}`]),
      );

    /** Does it on both sides, and gives what both say. */
    async function run(one: Step, model: PresenceModel): Promise<[unknown, unknown]> {
      switch (one.do) {
        case "join":
          return [await keys.join(one.node, life), model.join(one.node)];
        case "beat":
          return [await keys.heartbeat(one.node, life), model.heartbeat(one.node)];
        case "add":
          return [await keys.add(one.node, one.users), model.add(one.node, one.users)];
        case "remove":
          return [await keys.remove(one.node, one.users), model.remove(one.node, one.users)];
        case "reap":
          return [await keys.reap(one.node, one.own), model.reap(one.node, one.own)];
        case "sweep":
          return [await keys.sweep("a", "0"), model.sweep()];
        case "fall silent":
          await call("ZADD", "presence:nodes", "XX", 1, one.node);
          if (model.nodes.has(one.node)) model.nodes.set(one.node, false);
          break;
        case "delete":
          await call("DEL", nameOf(one));
          if (one.what === "users") model.users.clear();
          if (one.what === "flag") model.flags.delete(one.user);
          if (one.what === "nodesOf") model.nodesOf.delete(one.user);
          if (one.what === "usersOf") model.usersOf.delete(one.node);
          break;
        case "flush":
          await flush();
          Object.assign(model, new PresenceModel());
          break;
      }
      return [0, 0];
    }

    function nameOf({ what, node, user }: { what: string; node: string; user: number }): string {
      if (what === "users") return "online:users";
      if (what === "usersOf") return `presence:node:${node}`;
      return what === "flag" ? `online:${user}` : `presence:user:${user}`;
    }

    async function stateOfRedis() {
      const now = Date.now();
      const [scores, users, flags, ...sets] = await Promise.all([
        call("ZRANGE", "presence:nodes", 0, -1, "WITHSCORES"),
        call("SMEMBERS", "online:users"),
        call("MGET", ...everybody.map((user) => `online:${user}`)),
        ...everybody.map((user) => call("SMEMBERS", `presence:user:${user}`)),
        ...everywhere.map((node) => call("SMEMBERS", `presence:node:${node}`)),
      ]);
      const pairs = texts(scores ?? null);
      return {
        nodes: pairs.filter((_, i) => i % 2 === 0).map((node, i) => [node, Number(pairs[2 * i + 1]) > now]),
        users: texts(users ?? null),
        flags: everybody.filter((_, i) => (flags as Reply[])[i] !== null),
        nodesOf: everybody.map((_, i) => texts(sets[i] ?? null)),
        usersOf: everywhere.map((_, i) => texts(sets[everybody.length + i] ?? null)),
      };
    }

    function stateOf(model: PresenceModel): Awaited<ReturnType<typeof stateOfRedis>> {
      return {
        nodes: [...model.nodes],
        users: [...model.users].map(String),
        flags: [...model.flags],
        nodesOf: everybody.map((user) => [...(model.nodesOf.get(user) ?? [])]),
        usersOf: everywhere.map((node) => [...(model.usersOf.get(node) ?? [])].map(String)),
      };
    }

    test("replies and state are equal after every step", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40, size: "max" }), async (steps) => {
          await flush();
          const model = new PresenceModel();
          for (const one of steps) {
            const [said, expected] = await run(one, model);
            expect(sorted(said)).toEqual(sorted(expected));
            expect(sorted(await stateOfRedis())).toEqual(sorted(stateOf(model)));
          }
        }),
        { numRuns: 150 },
      );
    });
  });

  test("the keys are those that are documented, with the documented types, values and lives", async () => {
    await keys.join("a", life);
    await keys.add("a", [1]);
    expect(cli("SMEMBERS", "online:users")).toBe("1");
    expect(cli("SCARD", "online:users")).toBe("1");
    expect(cli("GET", "online:1")).toBe("1");
    expect(cli("SMEMBERS", "presence:user:1")).toBe("a");
    expect(cli("SMEMBERS", "presence:node:a")).toBe("1");
    for (const key of ["online:1", "presence:user:1"]) {
      expect(Number(cli("PTTL", key))).toBeGreaterThan(80_000);
      expect(Number(cli("PTTL", key))).toBeLessThanOrEqual(90_000);
    }
    const deadline = Number(cli("ZSCORE", "presence:nodes", "a"));
    const now = Number(server.cli("TIME").split("\n")[0]) * 1000;
    expect(deadline - now).toBeGreaterThan(life - 10_000);
    expect(deadline - now).toBeLessThan(life + 2_000);
    expect(server.cli("KEYS", "*").split("\n").toSorted()).toEqual(
      ["online:1", "online:users", "presence:node:a", "presence:nodes", "presence:user:1"].map(named),
    );
  });

  test("adding again renews what is left of the keys' lives", async () => {
    await keys.join("a", life);
    await keys.add("a", [1]);
    for (const key of ["online:1", "presence:user:1"]) await call("PEXPIRE", key, 5_000);
    expect(await keys.add("a", [1])).toEqual([]);
    for (const key of ["online:1", "presence:user:1"]) expect(await call("PTTL", key)).toBeGreaterThan(80_000);
  });

  test("a beat moves the deadline, and finds at most ten silent nodes at once", async () => {
    await keys.join("a", life);
    await keys.heartbeat("a", 2 * life);
    expect(Number(await call("ZSCORE", "presence:nodes", "a")) - Date.now()).toBeGreaterThan(1.5 * life);
    for (let i = 0; i < 25; i++) await keys.join(`dead ${i}`, -1);
    const { registered, expired } = await keys.heartbeat("a", life);
    expect([registered, expired.length]).toEqual([true, 10]);
    expect(expired.every((node) => node.startsWith("dead"))).toBe(true);
  });

  test("a dead node with many users is reaped slice by slice, by several at once, and each user is told by one", async () => {
    const many = range(1_234);
    await keys.join("a", life);
    await keys.join("b", life);
    for (let i = 0; i < many.length; i += 100) await keys.add("a", many.slice(i, i + 100));
    await keys.add("b", [7, 8, 9]);
    await call("ZADD", "presence:nodes", "XX", 1, "a");
    const gone: number[] = [];
    async function reaper(): Promise<void> {
      for (let more = true; more;) {
        const part = await keys.reap("a", false);
        gone.push(...part.gone);
        ({ more } = part);
      }
    }
    await Promise.all([reaper(), reaper(), reaper()]);
    expect(gone.toSorted((a, b) => a - b)).toEqual(many.filter((userId) => userId < 7 || userId > 9));
    expect(await keys.count()).toBe(3);
    expect(texts(await call("ZRANGE", "presence:nodes", 0, -1))).toEqual(["b"]);
    expect(await call("EXISTS", "presence:node:a")).toBe(0);
  });

  test("a node that leaves takes nobody on any more, and others may go on where it stops", async () => {
    await keys.join("a", life);
    for (let i = 0; i < 150; i += 50)
      await keys.add(
        "a",
        range(50).map((userId) => userId + i),
      );
    await keys.join("b", life);
    const first = await keys.reap("a", true);
    expect([first.more, first.gone.length, await keys.count()]).toEqual([true, 100, 50]);
    expect(await keys.add("a", [7])).toBeUndefined();
    expect(await keys.heartbeat("b", life)).toEqual({ registered: true, expired: ["a"] });
    expect((await keys.reap("a", false)).gone).toHaveLength(50);
  });

  test("a sweep looks through a large set in parts, and removes just those whom nobody has", async () => {
    await keys.join("a", life);
    for (let i = 1; i <= 2_000; i += 100) {
      const slice = Array.from({ length: 100 }, (_, j) => i + j);
      await keys.add("a", slice);
      await call("SADD", "online:users", ...slice.map((userId) => userId + 10_000));
    }
    // A key that was evicted is no reason to call somebody offline.
    await call("DEL", "online:77");
    const gone: number[] = [];
    let [cursor, parts] = ["0", 0];
    do {
      const part = await keys.sweep("a", cursor);
      gone.push(...part.gone);
      [cursor, parts] = [part.next, parts + 1];
    } while (cursor !== "0");
    expect(gone.toSorted((a, b) => a - b)).toEqual(range(2_000).map((userId) => userId + 10_000));
    expect(parts).toBeGreaterThan(10);
    expect([await keys.count(), String(await call("GET", "online:77"))]).toEqual([2_000, "1"]);
  });

  test("what the first server, or anybody else, left under our names makes room", async () => {
    await call("SADD", "online:users", "41", "not a number");
    await call("SET", "presence:nodes", "x");
    await call("SET", "presence:node:a", "x");
    await call("LPUSH", "presence:user:1", "x");
    await call("LPUSH", "online:1", "x");
    expect((await keys.heartbeat("a", life)).registered).toBe(false);
    await keys.join("a", life);
    expect(await keys.add("a", [1])).toEqual([1]);
    expect((await keys.sweep("a", "0")).gone).toEqual([41]);
    expect(await call("SMEMBERS", "online:users")).toEqual([Buffer.from("1")]);
    await call("DEL", "online:users");
    await call("SET", "online:users", "x");
    expect(await keys.remove("a", [1])).toEqual([1]);
    await call("SET", "online:users", "x");
    expect(await keys.sweep("a", "0")).toEqual({ next: "0", total: 0, gone: [] });
  });

  test("many are found in one look-up; what an eviction leaves is uncertain; a node that Redis does not know is told so", async () => {
    await keys.join("a", life);
    await keys.add("a", [1, 3, 600, 700, 1_200]);
    await call("DEL", "online:3", "online:700");
    const many = range(1_200);
    const said = { registered: true, online: new Set([1, 600, 1_200]), uncertain: new Set([3, 700]) };
    expect(await keys.find("a", many, patience)).toEqual(said);
    await call("DEL", "online:users");
    expect(await keys.find("b", [1, 3], patience)).toEqual({
      registered: false,
      online: new Set([1]),
      uncertain: new Set(),
    });
  });
});
