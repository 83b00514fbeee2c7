import { startFaultProxy, startRedis, type RedisServer } from "@om/services";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createDisposalStack } from "../platform/disposal-stack.ts";
import type { Redis } from "../platform/redis/redis.ts";
import { busSuite, pushOf, textOf } from "../../tests/fixtures/bus-suite.ts";
import { withLongTimeouts, redisClient, until } from "../../tests/fixtures/redis-clients.ts";
import { createEncoder, createSigner } from "./event-bytes.ts";
import type { Push, SessionEnd } from "./push.ts";
import { createRedisBus } from "./redis-bus.ts";
import type { BusEvents, SharedBus } from "./shared-bus.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server[Symbol.asyncDispose]());

const secret = "a secret of the tests, long enough";
const soon = { timeout: 30_000, interval: 5 };

interface Node extends AsyncDisposable {
  bus: SharedBus;
  redis: Redis;
  got: (Push | SessionEnd)[];
  failures: unknown[];
  counts: Record<string, number>;
  whys: string[];
  texts(): string[];
  listens(): boolean;
}

/** A node on the Redis at `port`; resolves when it listens and can publish. */
async function openNode(port: number, { db = 0, username = "", password = "" } = {}): Promise<Node> {
  const disposals = createDisposalStack(() => undefined);
  const who = { db, username, password };
  const redis = disposals.use(redisClient({ port }, { endpoint: who }));
  const node = { got: [] as (Push | SessionEnd)[], failures: [] as unknown[], whys: [] as string[] };
  const counts: Record<string, number> = {};
  const count = (name: string) => void (counts[name] = (counts[name] ?? 0) + 1);
  let listens = false;
  const events: BusEvents = {
    published: (n) => void (counts["published"] = (counts["published"] ?? 0) + n),
    received: () => count("received"),
    dropped: (reason) => count(reason),
    subscribed: (is) => {
      listens = is;
      if (is) count("listened");
    },
    subscribeFailed: (why) => void node.whys.push(why),
    failure: (error) => void node.failures.push(error),
  };
  const more = { endpoints: redis.endpoints, db, secrets: [secret], events };
  const bus = disposals.use(createRedisBus({ redis: withLongTimeouts(redis), ...more }));
  bus.subscribe((event) => void node.got.push(event));
  bus.start();
  await until(redis, true);
  await vi.waitFor(() => expect(listens || node.whys.length > 0).toBe(true), soon);
  const texts = (): string[] => node.got.map(textOf);
  return { ...node, bus, redis, counts, texts, listens: () => listens, ...disposals };
}

describe("this node's own", () => {
  busSuite(async (failures) => {
    const node = await openNode(server.port);
    vi.spyOn(node.failures, "push").mockImplementation((...errors) => failures.push(...errors));
    return Object.assign(node.bus, { [Symbol.asyncDispose]: node[Symbol.asyncDispose] });
  });
});

test("what one node publishes reaches each other node once, in order and whole; the own echo is ignored", async () => {
  await using a = await openNode(server.port);
  await using b = await openNode(server.port);
  await using c = await openNode(server.port);
  const whole: Push = {
    ...pushOf("whole"),
    userIds: [7, 8],
    to: "resuming",
    except: "a socket",
    message: { conversationId: 5, seq: 6, id: 7 },
    ordered: true,
  };
  const end: SessionEnd = { userId: 7, ended: { sessionId: 4 }, sessionIds: [4] };
  const texts = Array.from({ length: 500 }, (_, i) => `push ${i}`);
  a.bus.publish([whole, end]);
  for (const text of texts) a.bus.publish([pushOf(text)]);
  b.bus.publish([pushOf("last of b")]);
  for (const node of [b, c]) {
    await vi.waitFor(() => expect(node.got.length).toBe(503), soon);
    const ofA = node.texts().filter((text) => text !== "last of b");
    expect(ofA).toEqual(["whole", "end of 7", ...texts]);
    expect(node.got).toContainEqual(end);
    const received = node.got.find((event): event is Push => "ordered" in event);
    expect({ ...received, frame: received?.frame.text }).toEqual({ ...whole, frame: '"whole"' });
  }
  await vi.waitFor(() => expect(a.texts()).toContain("last of b"), soon);
  // Whatever of its own could have come back came before that.
  expect(a.texts().length).toBe(503);
  // The answers to what was published may come later.
  const counts = [
    { listened: 1, published: 502, received: 1 },
    { listened: 1, published: 1, received: 502 },
  ];
  await vi.waitFor(() => expect([a.counts, b.counts]).toEqual(counts), soon);
});

test("installations that share a Redis under different database numbers do not hear each other", async () => {
  await using a = await openNode(server.port);
  await using stranger = await openNode(server.port, { db: 1 });
  await using friend = await openNode(server.port, { db: 1 });
  a.bus.publish([pushOf("private")]);
  await vi.waitFor(() => expect(a.counts["published"]).toBe(1), soon);
  stranger.bus.publish([pushOf("hello")]);
  await vi.waitFor(() => expect(friend.texts()).toEqual(["hello"]), soon);
  expect(stranger.texts()).toEqual(["hello"]);
});

test("what is not signed with the key, or comes a second time, is counted and dropped, and an event of 1 MiB is too large", async () => {
  await using a = await openNode(server.port);
  await using b = await openNode(server.port);
  for (const bad of ["", "hello", "\u0091", "{}", "[1,2,3]"]) server.cli("PUBLISH", "om:bus:0", bad);
  const huge = pushOf("x".repeat(1_048_576));
  const stranger = (key: string) => createEncoder("somebody", createSigner([key]));
  const publish = async (payload: Buffer | undefined) => a.redis.call(1_000, "PUBLISH", "om:bus:0", payload ?? "");
  await publish(stranger(secret).encode([huge], 1)[0]?.payload);
  await publish(stranger("what a stranger guesses").encode([pushOf("forged")], 1_000)[0]?.payload);
  const [recorded] = stranger(secret).encode([pushOf("recorded")], 1_000);
  await publish(recorded?.payload);
  await publish(recorded?.payload);
  a.bus.publish([huge, pushOf("after")]);
  await vi.waitFor(() => expect(b.texts()).toEqual(["recorded", "after"]), soon);
  expect(b.counts).toEqual({ listened: 1, forged: 7, too_large: 1, received: 2 });
  await vi.waitFor(() => expect(a.counts).toMatchObject({ forged: 7, too_large: 2, published: 1 }), soon);
  expect([a.texts().length, a.failures, b.failures]).toEqual([3, [], []]);
});

test("Redis killed and started again: the own sockets are served meanwhile, the others again afterwards, nothing twice, ends of sessions late", async () => {
  await using own = await startRedis();
  await using a = await openNode(own.port);
  await using b = await openNode(own.port);
  await own.kill();
  await vi.waitFor(() => expect([a.listens(), b.listens(), a.redis.usable]).toEqual([false, false, false]), soon);
  a.bus.publish([pushOf("meanwhile"), { userId: 7, ended: { sessionId: 4 }, sessionIds: [4] }]);
  expect([a.texts(), a.counts["unsent"]]).toEqual([["meanwhile", "end of 7"], 2]);
  await own.start();
  await vi.waitFor(() => expect([b.listens(), a.redis.usable]).toEqual([true, true]), soon);
  a.bus.publish([pushOf("again")]);
  // The end of a session is told as soon as that is possible.
  await vi.waitFor(() => expect(b.texts().toSorted()).toEqual(["again", "end of 7"]), soon);
  expect([a.failures, b.failures, b.counts["listened"]]).toEqual([[], [], 2]);
});

test("a server that hangs is noticed without anybody who publishes, and left", async () => {
  await using proxy = await startFaultProxy(server.port);
  await using a = await openNode(server.port);
  await using b = await openNode(proxy.port);
  proxy.mode("blackhole");
  await vi.waitFor(() => expect(b.listens()).toBe(false), soon);
  expect(b.whys).toContain("no answer for 5000 ms");
  proxy.mode("pass");
  await vi.waitFor(() => expect(b.listens()).toBe(true), soon);
  a.bus.publish([pushOf("again")]);
  await vi.waitFor(() => expect(b.texts()).toEqual(["again"]), soon);
});

test("without the rights it is told, the own sockets are served, and it listens as soon as it may", async () => {
  const rules = ["on", ">hunter2", "~*", "+@all", "-publish", "-subscribe", "resetchannels"];
  server.cli("ACL", "SETUSER", "poor", ...rules);
  await using a = await openNode(server.port, { username: "poor", password: "hunter2" });
  await using b = await openNode(server.port);
  expect(a.whys[0]).toMatch(/NOPERM .*'subscribe'/);
  a.bus.publish([pushOf("alone")]);
  expect(a.texts()).toEqual(["alone"]);
  await vi.waitFor(() => expect(a.failures).toMatchObject([{ message: expect.stringMatching(/NOPERM .*'publish'/) }]));
  expect(a.counts["unsent"]).toBe(1);
  server.cli("ACL", "SETUSER", "poor", "+publish", "+subscribe", "&om:*");
  await vi.waitFor(() => expect(a.listens()).toBe(true), soon);
  b.bus.publish([pushOf("welcome")]);
  await vi.waitFor(() => expect(a.texts()).toEqual(["alone", "welcome"]), soon);
});
