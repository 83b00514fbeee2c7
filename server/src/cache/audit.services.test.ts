import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Arg, Reply } from "../platform/redis/redis.ts";
import { createGate, startCacheWorld, type CacheNode, type CacheWorld } from "../testing/cache-world.ts";
import { packEntry } from "./entry.ts";

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
/** Puts an entry there that no writer and no reader would have left. */
async function forge(ver: number): Promise<void> {
  const items = Array.from({ length: ver }, (_, n) => String(n));
  const { epoch } = world.control();
  await raw("SET", packEntry({ ver, epoch, until: Date.now() + 200_000, records: items }), "PX", 200_000);
}

/** A thing of version 2 whose entry has version 1; nobody but the writer has seen it. */
async function stale(writer: CacheNode): Promise<void> {
  for (const item of ["one", "two"]) await writer.write(thing, item, { withoutPost: true });
  await forge(1);
}

/** What an audit of the node says: one of its next thousand hits is looked at. */
async function audited(node: CacheNode): Promise<string | undefined> {
  for (let n = 0; n < 1_000; n++) await node.read(thing);
  await expect.poll(() => node.events.filter((event) => event.startsWith("audit"))).toHaveLength(1);
  return node.events.find((event) => event.startsWith("audit"));
}

test("one of a thousand hits is audited, and fine", async () => {
  const [node] = pair;
  await node.write(thing, "one", { withoutPost: true });
  await forge(1);
  expect(await audited(node)).toBe("audit fine");
});

test("a stale entry that nothing explains is found", async () => {
  const [writer, node] = pair;
  await stale(writer);
  expect(await audited(node)).toBe("audit stale");
});

test("an entry that is newer than the rows that were read before it is fine", async () => {
  const [writer, node] = pair;
  await stale(writer);
  const loaded = createGate();
  node.hooks.sql = async (name, run) => {
    const rows = await run();
    if (name === "things.load") await loaded.pass();
    return rows;
  };
  const found = audited(node);
  await loaded.reached;
  await writer.write(thing, "three", { withoutPost: true });
  await forge(3);
  loaded.open();
  expect(await found).toBe("audit fine");
});

/** Both nodes see nothing new of what they agree on, while `happens`; no audit may come of a thousand hits. */
async function expectExplained(happens: () => unknown): Promise<void> {
  const [writer, node] = pair;
  await stale(writer);
  const polls = createGate();
  const asked = createGate();
  for (const one of pair) {
    one.hooks.sql = async (name, run) => {
      if (name === "cache.poll") await polls.pass();
      const rows = await run();
      if (name === "cache.explained") void asked.pass();
      return rows;
    };
  }
  happens();
  for (let n = 0; n < 1_000; n++) await node.read(thing);
  await asked.reached;
  // What the audit asks of Redis is answered before this.
  await node.read(thing);
  expect(node.events.filter((event) => event.startsWith("audit"))).toEqual([]);
  polls.open();
}

test("what a note explains is no violation", () =>
  expectExplained(() => world.sql(`insert into cache_dirty (key, ver) values ('thing:${thing}', 2)`)));

test("nor what an epoch explains of which this node has not heard yet", () =>
  expectExplained(() => world.sql("update cache_ctl set epoch = epoch + 1")));

test("nor what was written while the cache was off", () =>
  expectExplained(() => world.sql("update cache_ctl set mode = 'off', changed_at = now()")));
