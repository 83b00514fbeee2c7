import { startRedis } from "@om/services";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Arg, Reply } from "../platform/redis/redis.ts";
import {
  createGate,
  holdPolls,
  newDatabase,
  startCacheWorld,
  unheard,
  type CacheNode,
  type CacheWorld,
} from "../testing/cache-world.ts";
import { readHeader, type Header } from "./entry.ts";

let world: CacheWorld;
let thing = "";
let things = 0;
beforeAll(async () => {
  world = await startCacheWorld();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.raw("FLUSHALL");
  thing = `thing ${++things}`;
});
afterEach(() => world.closeNodes());

const raw = (command: string, ...args: Arg[]): Promise<Reply> => world.raw(command, `thing:${thing}`, ...args);
const header = async (): Promise<Header | undefined> => readHeader((await raw("GETRANGE", 0, 47)) as Buffer);
const dirtyRows = (): string => world.sql(`select count(*) from cache_dirty where key = 'thing:${thing}'`);
const happened = (node: CacheNode, event: string, count = 1): Promise<void> =>
  expect.poll(() => node.events.filter((one) => one === event)).toHaveLength(count);
const reads = (node: CacheNode): string[] => node.events.filter((event) => event.startsWith("read "));

async function warm(node: CacheNode): Promise<void> {
  await node.write(thing, "one");
  await node.read(thing);
  await happened(node, "fill stored");
  node.events.length = 0;
}

/** Until both know the epoch that is in force. */
async function settled(...nodes: CacheNode[]): Promise<number> {
  await expect
    .poll(() =>
      nodes.every(({ cache }) => cache.state().epoch === world.control().epoch && cache.state().mode === "on"),
    )
    .toBe(true);
  return world.control().epoch;
}

test("a connection that was lost comes back to the same entries", async () => {
  const node = await world.open();
  await warm(node);
  const epoch = await settled(node);
  const lost = new Promise<void>((resolve) => node.redis?.onUsable((usable) => void (usable || resolve())));
  await world.raw("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await lost;
  expect((await node.read(thing)).from).toBe("database");
  await expect.poll(() => node.redis?.usable).toBe(true);
  expect(await settled(node)).toBe(epoch);
  expect((await node.read(thing)).from).toBe("cache");
});

test("a node that cannot learn what changed stops reading Redis, and goes on when it can", async () => {
  const node = await world.open({ times: { freshMs: 300 } });
  await warm(node);
  const open = await holdPolls(node);
  await expect.poll(async () => (await node.read(thing)).from).toBe("database");
  expect(reads(node).at(-1)).toBe("read off");
  expect(await node.write(thing, "two")).toBe(2);
  expect(node.events).toContain("mark acked");
  open();
  await expect.poll(async () => (await node.read(thing)).from).toBe("cache");
});

test("requests that take all connections of the pool do not keep a node from looking", async () => {
  const node = await world.open({ times: { freshMs: 500 } });
  await warm(node);
  const commit = createGate();
  node.hooks.step = (name) => (name === "write-locked" ? commit.pass() : undefined);
  // More than there are connections.
  const writes = Array.from({ length: 12 }, (_, n) => node.write(`${thing} beside ${n}`, "one"));
  await commit.reached;
  let looks = 0;
  node.hooks.sql = async (name, run) => {
    const rows = await run();
    looks += Number(name === "cache.poll");
    return rows;
  };
  await expect.poll(() => looks, { timeout: 10_000 }).toBeGreaterThan(20);
  expect((await node.read(thing)).from).toBe("cache");
  commit.open();
  await Promise.all(writes);
});

test("Redis comes back with what it had long ago: nothing of that is served", async () => {
  const [node, other] = [await world.open(), await world.open()];
  await warm(node);
  const before = await settled(node, other);
  await world.raw("SAVE");
  await node.write(thing, "two");
  await happened(node, "post done");
  await world.redis.kill();
  // Nobody can mark this one, so it is noted.
  expect(await node.write(`${thing} beside`, "one")).toBe(1);
  expect(await node.read(thing)).toMatchObject({ ver: 2, from: "database" });
  await world.redis.start();
  await expect.poll(() => [node.redis?.usable, other.redis?.usable]).toEqual([true, true]);
  expect(await settled(node, other)).toBe(before + 1);
  expect(await header()).toMatchObject({ ver: 1, pend: 1, epoch: before, hasBody: true });
  for (const one of [other, node]) expect((await one.read(thing)).value).toEqual(["one", "two"]);
  await expect.poll(async () => (await other.read(thing)).from).toBe("cache");
  await expect.poll(() => world.sql("select count(*) from cache_dirty")).toBe("0");
});

test("a node that is left with an old Redis misleads nobody, and is misled for a moment at most", async () => {
  await using second = await startRedis();
  const old = await world.open();
  await warm(old);
  const before = await settled(old);
  const release = await holdPolls(old);
  const fresh = await world.open({ redis: second });
  expect(world.control().epoch).toBeGreaterThan(before);
  await fresh.read(thing);
  await happened(fresh, "fill stored");
  expect(await fresh.read(thing)).toMatchObject({ ver: 1, from: "cache" });
  // The old node's marks are acknowledged by the old Redis; under the lock it learns that this is not enough.
  await old.write(thing, "two");
  await happened(old, "post done");
  expect(old.events).toEqual(["mark acked", "noted 1", "post done"]);
  await expect.poll(async () => (await fresh.read(thing)).ver).toBe(2);
  await expect.poll(dirtyRows).toBe("0");
  await old.batch({ [thing]: ["three"] });
  await expect.poll(async () => (await fresh.read(thing)).ver).toBe(3);
  // The other way round the old node cannot know yet; once it looks, it leaves its Redis alone.
  await fresh.write(thing, "four");
  release();
  await expect.poll(async () => (await old.read(thing)).ver).toBe(4);
  expect(reads(old).at(-1)).toBe("read off");
  old.events.length = 0;
  expect(await old.write(thing, "five")).toBe(5);
  expect(old.events).toContain("mark skipped");
  await expect.poll(async () => (await fresh.read(thing)).ver).toBe(5);
});

test("what a node wrote without a mark stays its floor in a new epoch, though it has not seen its own note yet", async () => {
  const [node, other] = [await world.open(), await world.open()];
  await node.write(thing, "one");
  await settled(node, other);
  world.sql("update cache_ctl set epoch = epoch + 1");
  // It has looked before it writes, but hears the answer after it has written.
  const answer = createGate();
  node.hooks.sql = async (name, run) => {
    const rows = await run();
    if (name === "cache.poll") await answer.pass();
    return rows;
  };
  await answer.reached;
  await settled(other);
  await other.read(thing);
  await happened(other, "fill stored");
  await holdPolls(other);
  node.hooks.redis = (name, send) => (name === "mark" ? unheard() : send());
  expect(await node.write(thing, "two")).toBe(2);
  expect(dirtyRows()).toBe("1");
  const { sql } = node.hooks;
  const next = createGate();
  node.hooks.sql = (name, run) => (name === "cache.poll" ? next.pass().then(run) : sql(name, run));
  answer.open();
  await settled(node);
  expect(await header()).toMatchObject({ ver: 1, pend: 1 });
  expect((await node.read(thing)).ver).toBe(2);
  next.open();
});

test("without the cache, what is written is noted for as long as somebody may still read it, and then no more", async () => {
  const [reader, writer] = [await world.open(), await world.open({ redis: undefined })];
  await warm(reader);
  const before = await settled(reader);
  const release = await holdPolls(reader, writer);
  world.sql("update cache_ctl set mode = 'off', changed_at = clock_timestamp() - interval '1 second'");
  await writer.write(thing, "two");
  await writer.batch({ [thing]: ["three"] });
  expect(dirtyRows()).toBe("2");
  world.sql("delete from cache_dirty; update cache_ctl set changed_at = clock_timestamp() - interval '3 seconds'");
  await writer.write(thing, "four");
  await writer.batch({ [thing]: ["five"] });
  expect(dirtyRows()).toBe("0");
  // Nobody has touched the entry, which is clean and three versions behind.
  expect(await header()).toMatchObject({ ver: 1, pend: 1, epoch: before });
  release();
  await expect.poll(() => world.control()).toEqual({ epoch: before + 1, mode: "on" });
  await settled(reader);
  expect((await reader.read(thing)).ver).toBe(5);
});

test("when the cache is turned on while somebody writes without it, nobody stores what is about to be old", async () => {
  const [reader, writer] = [await world.open(), await world.open({ redis: undefined })];
  await writer.write(thing, "one");
  await expect.poll(dirtyRows).toBe("0");
  const release = await holdPolls(reader, writer);
  world.sql("update cache_ctl set mode = 'off', changed_at = clock_timestamp() - interval '3 seconds'");
  const commit = createGate();
  writer.hooks.sql = async (name, run) => {
    const rows = await run();
    if (name === "cache.note_dirty") await commit.pass();
    return rows;
  };
  const write = writer.write(thing, "two");
  await commit.reached;
  release();
  await settled(reader);
  expect(await reader.read(thing)).toMatchObject({ ver: 1, from: "database" });
  await happened(reader, "fill busy");
  commit.open();
  await write;
  expect(dirtyRows()).toBe("0");
  expect((await reader.read(thing)).ver).toBe(2);
});

test("two installations may share a Redis by mistake: neither is ever given what the other has", async () => {
  // Both are new, so everything has happened to both equally often.
  const urls = [await newDatabase(world.postgres), await newDatabase(world.postgres)];
  for (const [n, url] of urls.entries()) {
    world.postgres.sql(url, `insert into things values ('${thing}', 1, '{"of the ${n === 0 ? "first" : "second"}"}')`);
  }
  const [first, second] = [await world.open({ url: urls[0] ?? "" }), await world.open({ url: urls[1] ?? "" })];
  for (let n = 0; n < 5; n++) {
    expect((await first.read(thing)).value).toEqual(["of the first"]);
    expect((await second.read(thing)).value).toEqual(["of the second"]);
  }
});

test("a database that was restored begins anew, though Redis and PostgreSQL ran on", async () => {
  const node = await world.open();
  await warm(node);
  await settled(node);
  const dump = world.postgres.dump(world.url);
  await node.write(thing, "two, which was lost");
  await happened(node, "post done");
  await world.closeNodes();
  const url = world.postgres.createDatabase();
  world.postgres.load(url, dump);
  const restored = await world.open({ url });
  expect(await restored.read(thing)).toMatchObject({ ver: 1, value: ["one"] });
  await expect.poll(async () => (await restored.read(thing)).from).toBe("cache");
  expect((await restored.read(thing)).value).toEqual(["one"]);
});

test("PostgreSQL begins another run: a new epoch, for its versions may have been others", async () => {
  const [node, other] = [await world.open(), await world.open()];
  await warm(node);
  const before = await settled(node, other);
  await world.postgres.kill();
  await expect(node.write(thing, "lost")).rejects.toThrow("database unavailable");
  await world.postgres.start();
  await expect.poll(() => world.control().epoch, { timeout: 10_000 }).not.toBe(before);
  await settled(node, other);
  expect(await header()).toMatchObject({ ver: 1, epoch: before });
  expect(await other.read(thing)).toMatchObject({ ver: 1, from: "database" });
  await happened(other, "fill stored");
  expect((await node.read(thing)).from).toBe("cache");
});
