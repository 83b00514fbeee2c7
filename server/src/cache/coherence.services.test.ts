import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import type { Arg, Reply } from "../platform/redis/redis.ts";
import {
  createGate,
  holdPolls,
  startCacheWorld,
  unheard,
  type CacheNode,
  type CacheWorld,
} from "../testing/cache-world.ts";
import { packEntry, readHeader, type Header } from "./entry.ts";

let world: CacheWorld;
let thing = "";
let things = 0;
/** Two nodes that are there for all tests. */
let pair: [CacheNode, CacheNode];
beforeAll(async () => {
  world = await startCacheWorld();
  pair = [await world.open(), await world.open()];
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.raw("FLUSHALL");
  thing = `thing ${++things}`;
  for (const node of pair) node.reset();
});

const raw = (command: string, ...args: Arg[]): Promise<Reply> => world.raw(command, `thing:${thing}`, ...args);
const header = async (): Promise<Header | undefined> => readHeader((await raw("GETRANGE", 0, 47)) as Buffer);
const dirtyRows = (): string => world.sql(`select count(*) from cache_dirty where key = 'thing:${thing}'`);
const happened = (node: CacheNode, event: string, count = 1): Promise<void> =>
  expect.poll(() => node.events.filter((one) => one === event)).toHaveLength(count);

async function warm(node: CacheNode): Promise<void> {
  await node.write(thing, "one");
  await node.read(thing);
  await happened(node, "fill stored");
  node.events.length = 0;
}

test("a write costs one version, one mark and one append, and nothing is noted", async () => {
  const [node] = pair;
  await warm(node);
  expect(await node.write(thing, "two")).toBe(2);
  await happened(node, "post done");
  expect(node.events).toEqual(["mark acked", "post done"]);
  expect(await header()).toMatchObject({ ver: 2, pend: 2, records: 2, leased: false });
});

test("a writer who dies between commit and append leaves a dirty entry, which the next reader heals", async () => {
  const [node, other] = pair;
  await warm(node);
  node.hooks.step = (name) => (name === "write-committed" ? Promise.reject(new Error("dead")) : undefined);
  await expect(node.write(thing, "two")).rejects.toThrow("dead");
  expect(await header()).toMatchObject({ ver: 1, pend: 2 });
  expect(await other.read(thing)).toEqual({ ver: 2, value: ["one", "two"], from: "database" });
  await happened(other, "fill stored");
  node.hooks.step = () => undefined;
  for (const one of pair) expect(await one.read(thing)).toMatchObject({ ver: 2, from: "cache" });
});

test("a commit of which nobody hears is not appended, whether it happened or not", async () => {
  const [node, other] = pair;
  await warm(node);
  node.hooks.isCommitHeard = () => false;
  await expect(node.write(thing, "two")).rejects.toThrow(DatabaseUnavailable);
  expect(await header()).toMatchObject({ ver: 1, pend: 2, records: 1 });
  for (const one of [other, node]) expect((await one.read(thing)).value).toEqual(["one", "two"]);
  expect(node.events).not.toContain("post done");
});

test("a transaction that is taken back after its marks changes nothing but that the entry is read anew", async () => {
  const [node, other] = pair;
  await warm(node);
  node.hooks.step = (name) => (name === "write-marked" ? Promise.reject(new Error("refused")) : undefined);
  await expect(node.write(thing, "two")).rejects.toThrow("refused");
  expect(await header()).toMatchObject({ ver: 1, pend: 2 });
  expect(await other.read(thing)).toMatchObject({ ver: 1, from: "database" });
  await happened(other, "fill stored");
  expect(await header()).toMatchObject({ ver: 1, pend: 1 });
  node.hooks.step = () => undefined;
  expect(await node.write(thing, "two")).toBe(2);
  expect(await other.read(thing)).toMatchObject({ ver: 2 });
});

test("without an acknowledged mark the key is noted with the commit, known to its writer at once, and dead everywhere soon", async () => {
  const [node, other] = pair;
  await warm(node);
  await other.read(thing);
  const release = await holdPolls(...pair);
  node.hooks.redis = (name, send) => (name === "mark" ? unheard() : send());
  const committed = createGate();
  node.hooks.step = (name) => (name === "write-marked" ? committed.pass() : undefined);
  const write = node.write(thing, "two");
  await committed.reached;
  expect(dirtyRows()).toBe("0");
  committed.open();
  await write;
  expect(dirtyRows()).toBe("1");
  expect(node.events).toEqual(["mark unacked", "noted 1"]);
  // Nobody could tell the others yet; within the bound they may be late, but the writer is not.
  expect(await header()).toMatchObject({ ver: 1, pend: 1 });
  expect((await other.read(thing)).ver).toBe(1);
  expect(await node.read(thing)).toMatchObject({ ver: 2, from: "database" });
  node.hooks.redis = (_, send) => send();
  release();
  await expect.poll(dirtyRows).toBe("0");
  expect((await other.read(thing)).ver).toBe(2);
});

test("another node's note is this node's floor, even if Redis cannot be told", async () => {
  const [node, other] = pair;
  await warm(other);
  for (const one of pair) one.hooks.redis = (name, send) => (name === "mark" ? unheard() : send());
  await node.write(thing, "two");
  await expect.poll(async () => (await other.read(thing)).ver).toBe(2);
  // As if somebody had put back what was there before.
  const old = packEntry({ ver: 1, epoch: world.control().epoch, until: Date.now() + 200_000, records: ["one"] });
  await raw("SET", old);
  expect(await other.read(thing)).toMatchObject({ ver: 2, from: "database" });
  expect(dirtyRows()).toBe("1");
});

test("a row is not removed before its key is dead, also if whoever killed it dies", async () => {
  const [node, other] = pair;
  await warm(node);
  for (const one of pair) {
    one.hooks.redis = (name, send) => (name === "mark" ? unheard() : send());
    one.hooks.step = (name) => (name === "relay-killed" ? Promise.reject(new Error("dead")) : undefined);
  }
  await node.write(thing, "two");
  other.hooks.redis = (_, send) => send();
  await expect.poll(async () => (await header())?.pend).toBe(2);
  await expect.poll(() => other.errors.map(String)).toContain("Error: dead");
  expect(dirtyRows()).toBe("1");
  other.errors.length = 0;
  other.hooks.step = () => undefined;
  await expect.poll(dirtyRows).toBe("0");
  expect((await other.read(thing)).ver).toBe(2);
});

test("a mark that arrives after the commit and after a new fill costs one more fill", async () => {
  const [node, other] = pair;
  await warm(node);
  const late = createGate();
  let arrived: Promise<unknown> = Promise.resolve();
  node.hooks.redis = (name, send) => {
    if (name !== "mark") return send();
    node.hooks.redis = (_, next) => next();
    arrived = late.pass().then(send);
    return unheard();
  };
  await node.write(thing, "two");
  await expect.poll(dirtyRows).toBe("0");
  await expect.poll(async () => (await other.read(thing)).from).toBe("cache");
  late.open();
  await arrived;
  for (const one of pair) expect(await one.read(thing)).toMatchObject({ ver: 2 });
  await expect.poll(async () => (await other.read(thing)).from).toBe("cache");
});

test("a fill that was on its way while its key was marked, noted and killed is refused", async () => {
  const [node, other] = pair;
  await node.write(thing, "one");
  const slow = createGate();
  other.hooks.step = (name) => (name === "read-loaded" ? slow.pass() : undefined);
  const read = other.read(thing);
  await slow.reached;
  node.hooks.redis = (name, send) => (name === "mark" ? unheard() : send());
  await node.write(thing, "two");
  node.hooks.redis = (_, send) => send();
  await expect.poll(dirtyRows).toBe("0");
  slow.open();
  expect((await read).ver).toBe(1);
  await happened(other, "fill refused");
  for (const one of pair) expect((await one.read(thing)).ver).toBe(2);
});

test.each(["write-locked", "write-marked", "write-committed"] as const)(
  "FLUSHALL at %s changes nothing",
  async (at) => {
    const [node, other] = pair;
    await warm(node);
    const gate = createGate();
    node.hooks.step = (name) => (name === at ? gate.pass() : undefined);
    const write = node.write(thing, "two");
    await gate.reached;
    await world.raw("FLUSHALL");
    const during = await other.read(thing);
    expect(during.ver).toBe(at === "write-committed" ? 2 : 1);
    gate.open();
    await write;
    for (const one of [other, node, other]) expect((await one.read(thing)).value).toEqual(["one", "two"]);
  },
);

test("forgotten scripts make a write note what it could not mark; then they are there again", async () => {
  const [node, other] = pair;
  await warm(node);
  await world.raw("SCRIPT", "FLUSH");
  await node.write(thing, "two");
  expect(node.events).toContain("mark unacked");
  expect((await node.read(thing)).ver).toBe(2);
  await expect.poll(dirtyRows).toBe("0");
  expect((await other.read(thing)).ver).toBe(2);
  node.events.length = 0;
  await node.write(thing, "three");
  expect(node.events).toContain("mark acked");
});

test("a full Redis takes no marks; the writes are noted and the reads are right", async () => {
  const [node, other] = pair;
  await warm(node);
  await world.raw("CONFIG", "SET", "maxmemory", "1");
  await node.write(thing, "two");
  expect(node.events).toContain("mark unacked");
  expect((await node.read(thing)).ver).toBe(2);
  await world.raw("CONFIG", "SET", "maxmemory", "0");
  await expect.poll(dirtyRows).toBe("0");
  expect((await other.read(thing)).ver).toBe(2);
});

test("two changes of a thing in one transaction are two versions, marked and appended in order", async () => {
  const [node, other] = pair;
  await warm(node);
  expect(await node.write(thing, "two", { twice: true })).toBe(3);
  await happened(node, "post done", 2);
  expect(await other.read(thing)).toEqual({ ver: 3, value: ["one", "two", "two again"], from: "cache" });
});

test("a batch appends all records of a key at once, and each key its own", async () => {
  const [node, other] = pair;
  const [a, b, c] = ["a", "b", "c"].map((letter) => `${thing} ${letter}`) as [string, string, string];
  await node.batch({ [a]: ["1"], [b]: ["1"] });
  for (const name of [a, b, c]) await node.read(name);
  await happened(node, "fill stored", 3);
  node.events.length = 0;
  await node.batch({ [a]: ["2", "3"], [b]: ["2"], [c]: ["1", "2"] });
  await happened(node, "post done", 3);
  expect(node.events[0]).toBe("mark acked");
  const found = await Promise.all([a, b, c].map((name) => other.read(name)));
  expect(found.map(({ value }) => value)).toEqual([
    ["1", "2", "3"],
    ["1", "2"],
    ["1", "2"],
  ]);
  expect(found.map(({ from }) => from)).toEqual(["cache", "cache", "cache"]);
});

test("a batch larger than one call of a script is marked and appended as a whole", async () => {
  const [node, other] = pair;
  const names = Array.from({ length: 600 }, (_, n) => `${thing} ${n}`);
  const items = (item: string): Record<string, string[]> => Object.fromEntries(names.map((name) => [name, [item]]));
  await node.batch(items("1"));
  const some = [0, 255, 256, 511, 512, 599].map((n) => names[n] ?? "");
  for (const name of some) await node.read(name);
  await happened(node, "fill stored", some.length);
  await node.batch(items("2"));
  await happened(node, "post done", some.length);
  for (const name of some) expect(await other.read(name)).toMatchObject({ ver: 2, from: "cache" });
});

test("a batch that is not marked is noted in its transaction", async () => {
  const [node, other] = pair;
  await warm(node);
  const release = await holdPolls(...pair);
  node.hooks.redis = (name, send) => (name === "mark" ? unheard() : send());
  await node.batch({ [thing]: ["two", "three"] });
  expect(dirtyRows()).toBe("1");
  expect(await node.read(thing)).toMatchObject({ ver: 3, from: "database" });
  node.hooks.redis = (_, send) => send();
  release();
  await expect.poll(dirtyRows).toBe("0");
  expect((await other.read(thing)).ver).toBe(3);
});

test("appends of two nodes that arrive out of order leave the entry dirty, never wrong", async () => {
  const [node, other] = pair;
  await warm(node);
  const late = createGate();
  node.hooks.redis = (name, send) => (name === "post" ? late.pass().then(send) : send());
  await node.write(thing, "two");
  await other.write(thing, "three");
  await happened(other, "post gap");
  expect(await header()).toMatchObject({ ver: 1, pend: 3 });
  late.open();
  await happened(node, "post done");
  expect(await header()).toMatchObject({ ver: 2, pend: 3 });
  for (const one of pair) expect((await one.read(thing)).value).toEqual(["one", "two", "three"]);
});

test("many readers and writers of one thing: nobody ever reads less than was committed before", async () => {
  let committed = 0;
  const write = async (node: CacheNode, n: number): Promise<void> => {
    const ver = await node.write(thing, String(n));
    committed = Math.max(committed, ver);
  };
  const read = async (node: CacheNode): Promise<void> => {
    for (let n = 0; n < 60; n++) {
      const before = committed;
      expect((await node.read(thing)).ver).toBeGreaterThanOrEqual(before);
      if (n % 20 === 19) await raw("DEL");
    }
  };
  const writers = pair.map(async (node) => {
    for (let n = 0; n < 30; n++) await write(node, n);
  });
  await Promise.all([...writers, ...pair.flatMap((node) => [read(node), read(node), read(node)])]);
  for (const node of pair) expect(await node.read(thing)).toMatchObject({ ver: 60 });
});
