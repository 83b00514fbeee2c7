import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { OmError } from "../platform/om-error.ts";
import type { Arg, Reply } from "../platform/redis/redis.ts";
import { createGate, startCacheWorld, unheard, type CacheNode, type CacheWorld } from "../testing/cache-world.ts";
import { packEntry, readHeader, type Header } from "./entry.ts";

let world: CacheWorld;
/** A thing of this test's own. */
let thing = "";
let things = 0;
/** Two that are there for all tests. */
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

/** What Redis has of the thing. */
const raw = (command: string, ...args: Arg[]): Promise<Reply> => world.raw(command, `thing:${thing}`, ...args);
/** undefined: there is no entry. */
const header = async (): Promise<Header | undefined> => readHeader((await raw("GETRANGE", 0, 47)) as Buffer);
const filled = (node: CacheNode, end = "stored", count = 1): Promise<void> =>
  expect.poll(() => node.events.filter((event) => event === `fill ${end}`)).toHaveLength(count);
const reads = (node: CacheNode): string[] => node.events.filter((event) => event.startsWith("read "));

/** With an entry of version 1 that this node filled in. */
async function warm(node: CacheNode): Promise<void> {
  await node.write(thing, "one");
  await node.read(thing);
  await filled(node);
  node.events.length = 0;
}

test("what is missing is read once and kept; then the bytes are read once, and then not even they", async () => {
  const [node, other] = pair;
  await node.write(thing, "one");
  expect(await node.read(thing)).toEqual({ ver: 1, value: ["one"], from: "database" });
  await filled(node);
  for (const one of [node, node, other, other]) {
    expect(await one.read(thing)).toEqual({ ver: 1, value: ["one"], from: "cache" });
  }
  expect(reads(node)).toEqual(["read miss", "read hit", "read hit_l1"]);
  expect(reads(other)).toEqual(["read hit", "read hit_l1"]);
  expect([node.loads(), other.loads()]).toEqual([1, 0]);
});

test("that there is nothing is kept too, until there is something", async () => {
  const [node] = pair;
  expect(await node.read(thing)).toEqual({ ver: 0, value: [], from: "database" });
  await filled(node);
  expect((await node.read(thing)).from).toBe("cache");
  await node.write(thing, "one", { withoutPost: true });
  expect(await node.read(thing)).toEqual({ ver: 1, value: ["one"], from: "database" });
});

test("a change is appended to what is kept, and read from there on every node", async () => {
  const [node, other] = pair;
  await warm(node);
  await other.read(thing);
  for (const item of ["two", "three"]) await node.write(thing, item);
  await expect.poll(() => node.events.filter((event) => event === "post done")).toHaveLength(2);
  for (const one of [node, other]) {
    expect(await one.read(thing)).toEqual({ ver: 3, value: ["one", "two", "three"], from: "cache" });
  }
  expect(other.loads()).toBe(0);
});

test("a reader who is so slow that a write comes in between stores nothing", async () => {
  const [node, writer] = pair;
  await node.write(thing, "one");
  const gate = createGate();
  node.hooks.step = (name) => (name === "read-loaded" ? gate.pass() : undefined);
  const slow = node.read(thing);
  await gate.reached;
  await writer.write(thing, "two");
  gate.open();
  expect((await slow).ver).toBe(1);
  await filled(node, "refused");
  for (const one of [writer, node]) expect((await one.read(thing)).value).toEqual(["one", "two"]);
});

test("nor when the entry is evicted and leased by another meanwhile", async () => {
  const [node, writer] = pair;
  await node.write(thing, "one");
  const [slowGate, nextGate] = [createGate(), createGate()];
  node.hooks.step = (name) => (name === "read-loaded" ? slowGate.pass() : undefined);
  writer.hooks.step = (name) => (name === "read-loaded" ? nextGate.pass() : undefined);
  const slow = node.read(thing);
  await slowGate.reached;
  await world.raw("FLUSHALL");
  await writer.write(thing, "two");
  const next = writer.read(thing);
  await nextGate.reached;
  slowGate.open();
  expect((await slow).ver).toBe(1);
  await filled(node, "refused");
  nextGate.open();
  expect((await next).ver).toBe(2);
  await filled(writer);
  expect(await node.read(thing)).toMatchObject({ ver: 2, from: "cache" });
});

test("a mark takes the lease away, before anybody can know what will be committed", async () => {
  const [node, writer] = pair;
  await node.write(thing, "one");
  const [reader, commit] = [createGate(), createGate()];
  node.hooks.step = (name) => (name === "read-loaded" ? reader.pass() : undefined);
  writer.hooks.step = (name) => (name === "write-marked" ? commit.pass() : undefined);
  const slow = node.read(thing);
  await reader.reached;
  const write = writer.write(thing, "two");
  await commit.reached;
  reader.open();
  await filled(node, "refused");
  expect((await slow).ver).toBe(1);
  commit.open();
  await write;
  expect((await node.read(thing)).ver).toBe(2);
});

test("while a writer holds the lock its object is read but not stored", async () => {
  const [node, writer] = pair;
  await node.write(thing, "one");
  const commit = createGate();
  writer.hooks.step = (name) => (name === "write-locked" ? commit.pass() : undefined);
  const write = writer.write(thing, "two");
  await commit.reached;
  expect(await node.read(thing)).toMatchObject({ ver: 1, from: "database" });
  expect(node.events).toContain("fill busy");
  commit.open();
  await write;
  expect((await node.read(thing)).ver).toBe(2);
});

test("a reader who found a writer in flight gives the lease back: the next one fills", async () => {
  const [node, writer] = pair;
  await node.write(thing, "one");
  const commit = createGate();
  writer.hooks.step = (name) => (name === "write-marked" ? commit.pass() : undefined);
  const write = writer.write(thing, "two");
  await commit.reached;
  // The writer has marked what was not there; nobody but the reader will take this lease away.
  await node.read(thing);
  await filled(node, "busy");
  await expect.poll(async () => (await header())?.leased).toBe(false);
  commit.open();
  await write;
  expect(await node.read(thing)).toMatchObject({ ver: 2, from: "database" });
  expect(reads(node)).toEqual(["read miss", "read miss"]);
  await filled(node);
});

test("nor after eviction between the mark and the commit, which nobody in Redis remembers", async () => {
  const [node, writer] = pair;
  await warm(node);
  const commit = createGate();
  writer.hooks.step = (name) => (name === "write-marked" ? commit.pass() : undefined);
  const write = writer.write(thing, "two");
  await commit.reached;
  await world.raw("FLUSHALL");
  expect((await node.read(thing)).ver).toBe(1);
  expect(node.events).toContain("fill busy");
  commit.open();
  await write;
  expect(await node.read(thing)).toMatchObject({ ver: 2, from: "database" });
});

test("what is marked and committed but not appended is read anew, and the late change changes nothing", async () => {
  const [node, writer] = pair;
  await warm(node);
  const post = createGate();
  writer.hooks.step = (name) => (name === "write-committed" ? post.pass() : undefined);
  const write = writer.write(thing, "two");
  await post.reached;
  expect(await node.read(thing)).toEqual({ ver: 2, value: ["one", "two"], from: "database" });
  await filled(node);
  post.open();
  await write;
  await expect.poll(() => writer.events).toContain("post done");
  expect(await node.read(thing)).toEqual({ ver: 2, value: ["one", "two"], from: "cache" });
});

test("a reader who meets a writer about to finish waits for it a moment", async () => {
  const [node, writer] = pair;
  await warm(node);
  const post = createGate();
  writer.hooks.redis = (name, send) => (name === "post" ? post.pass().then(send) : send());
  await writer.write(thing, "two");
  let looks = 0;
  node.hooks.redis = (name, send) => {
    // The first look is at the header alone, the second at a dirty entry; before the third it is clean.
    if (name !== "GETRANGE" || ++looks < 3) return send();
    post.open();
    return expect
      .poll(() => writer.events)
      .toContain("post done")
      .then(send);
  };
  expect(await node.read(thing)).toEqual({ ver: 2, value: ["one", "two"], from: "cache" });
  expect([looks, node.loads()]).toEqual([3, 1]);
});

test("an entry that stays dirty is looked at four times, and then read anew", async () => {
  const [node] = pair;
  await warm(node);
  const dirty = packEntry({ ver: 1, epoch: world.control().epoch, until: 0, records: ["one"] });
  dirty.writeBigUInt64BE(2n, 15);
  await raw("SET", dirty);
  let looks = 0;
  node.hooks.redis = (name, send) => {
    looks += Number(name === "GETRANGE");
    return send();
  };
  expect((await node.read(thing)).from).toBe("database");
  expect([looks, ...reads(node)]).toEqual([4, "read dirty"]);
  await filled(node);
  expect((await node.read(thing)).from).toBe("cache");
});

test("what memory has of another version is not used, whichever is newer", async () => {
  const [node, writer] = pair;
  await warm(node);
  for (let n = 0; n < 2; n++) await node.read(thing);
  await writer.write(thing, "two");
  await expect.poll(() => writer.events).toContain("post done");
  expect(await node.read(thing)).toEqual({ ver: 2, value: ["one", "two"], from: "cache" });
  expect(reads(node)).toEqual(["read hit", "read hit_l1", "read hit"]);
});

test("an entry older than what a node has seen is not served by it, and is replaced", async () => {
  const [node] = pair;
  await warm(node);
  await node.write(thing, "two");
  await node.read(thing);
  const { epoch } = world.control();
  await raw("SET", packEntry({ ver: 1, epoch, until: Date.now() + 60_000, records: ["one"] }));
  expect(await node.read(thing)).toMatchObject({ ver: 2, from: "database" });
  expect(reads(node).at(-1)).toBe("read dirty");
  await expect.poll(async () => (await header())?.ver).toBe(2);
});

test("a lease of which the answer was lost is nobody's; others read the database until it ends, then one fills", async () => {
  const [node, other] = pair;
  await node.write(thing, "one");
  node.hooks.redis = (name, send) => (name === "lease" ? send().then(unheard) : send());
  expect((await node.read(thing)).ver).toBe(1);
  expect(reads(node)).toEqual(["read lease_busy"]);
  expect((await other.read(thing)).from).toBe("database");
  expect(reads(other)).toEqual(["read lease_busy"]);
  // As if its time were over.
  await raw("SETRANGE", 34, Buffer.alloc(8));
  expect((await other.read(thing)).from).toBe("database");
  await filled(other);
  expect((await node.read(thing)).from).toBe("cache");
});

test("a lease that arrives after its reader has given up, and after a write, lets nothing old in", async () => {
  const [node, writer] = pair;
  await node.write(thing, "one");
  const late = createGate();
  let arrived: Promise<unknown> = Promise.resolve();
  node.hooks.redis = (name, send) => {
    if (name !== "lease") return send();
    arrived = late.pass().then(send);
    return unheard();
  };
  expect((await node.read(thing)).ver).toBe(1);
  await writer.write(thing, "two");
  late.open();
  expect(await arrived).toBe(1);
  expect(node.events.filter((event) => event.startsWith("fill"))).toEqual([]);
  expect((await writer.read(thing)).ver).toBe(2);
  expect((await header())?.hasBody).toBe(false);
});

test("an entry that soon expires is read anew by one, while all are served", async () => {
  const [node, other] = pair;
  await warm(node);
  const before = await header();
  for (const one of [node, other]) one.clock.ahead = 299_000;
  const all = await Promise.all(Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? node : other).read(thing)));
  expect(all.every(({ from, ver }) => from === "cache" && ver === 1)).toBe(true);
  await expect.poll(() => [...node.events, ...other.events].filter((event) => event === "fill stored")).toHaveLength(1);
  expect(node.loads() + other.loads()).toBe(2);
  expect((await header())?.until).toBeGreaterThan((before?.until ?? 0) + 200_000);
  await node.read(thing);
  expect(node.loads() + other.loads()).toBe(2);
});

test("what is kept becomes short again when much was appended to it, and no version is lost", async () => {
  const node = await world.open({ source: { maxRecords: 3, records: (items) => [items.join("/")], fold: joined } });
  await warm(node);
  for (const item of ["two", "three", "four", "five"]) {
    await node.write(thing, item);
    await expect.poll(() => node.events.filter((event) => event.startsWith("post"))).not.toHaveLength(0);
  }
  await expect.poll(() => node.events).toContain("post compact");
  await expect.poll(async () => (await header())?.records).toBeLessThan(3);
  expect((await node.read(thing)).value).toEqual(["one", "two", "three", "four", "five"]);
  const other = await world.open({ source: { fold: joined } });
  expect(await other.read(thing)).toMatchObject({ ver: 5, from: "cache" });
});
const joined = (records: readonly unknown[]): string[] => records.flatMap((record) => String(record).split("/"));

test("a Redis that is slow at first is not waited for", async () => {
  const node = await world.open({ times: { hedgeMs: 1 } });
  await warm(node);
  const answer = createGate();
  node.hooks.redis = (name, send) => (name === "GETRANGE" ? answer.pass().then(send) : send());
  expect(await node.read(thing)).toMatchObject({ ver: 1, from: "database" });
  answer.open();
});

test("when the database sends a reader away whom Redis answers late, the late answer counts", async () => {
  const node = await world.open({ times: { hedgeMs: 1 } });
  await warm(node);
  const answer = createGate();
  node.hooks.redis = (name, send) => (name === "GETRANGE" ? answer.pass().then(send) : send());
  node.hooks.sql = (name, run) => {
    if (name !== "things.load") return run();
    answer.open();
    return Promise.reject(new OmError("unavailable"));
  };
  expect(await node.read(thing)).toMatchObject({ ver: 1, from: "cache" });
  node.hooks.redis = (name, send) => (name === "GETRANGE" ? unheard() : send());
  await expect(node.read(thing)).rejects.toThrow(OmError);
});

test("a process that stood still does not take it for a slow Redis", async () => {
  const node = await world.open({ times: { hedgeMs: 4 } });
  await warm(node);
  // From here timers come before answers.
  await new Promise((resolve) => setImmediate(resolve));
  const found = node.read(thing);
  // The command has left; its answer waits until the process goes on.
  await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)));
  for (const end = performance.now() + 50; performance.now() < end;) world.redis.cli("PING");
  expect((await found).from).toBe("cache");
  expect(node.loads()).toBe(1);
});

test("a Redis that hangs costs nobody an answer; when it goes on, it is read again", async () => {
  const node = await world.open({ isHasty: true });
  await node.write(thing, "one");
  world.redis.pause();
  try {
    const found = await Promise.all(Array.from({ length: 20 }, () => node.read(thing)));
    expect(found.every(({ ver, from }) => ver === 1 && from === "database")).toBe(true);
    expect(await node.write(thing, "two")).toBe(2);
    expect(await node.read(thing)).toMatchObject({ ver: 2, from: "database" });
  } finally {
    world.redis.resume();
  }
  await expect.poll(async () => (await node.read(thing)).from, { timeout: 10_000 }).toBe("cache");
  expect((await node.read(thing)).ver).toBe(2);
  expect(world.sql("select count(*) from cache_dirty where key like 'thing:%'")).toBe("0");
});
