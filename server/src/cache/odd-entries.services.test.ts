import { encode } from "@msgpack/msgpack";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Arg, Reply } from "../platform/redis/redis.ts";
import { startCacheWorld, type CacheNode, type CacheWorld } from "../testing/cache-world.ts";
import { packEntry, readHeader, type Header } from "./entry.ts";

let world: CacheWorld;
/** A thing of this test's own. */
let thing = "";
let things = 0;
/** Two that are there for all tests. */
let node: CacheNode;
let fresh: CacheNode;
beforeAll(async () => {
  world = await startCacheWorld();
  [node, fresh] = [await world.open(), await world.open()];
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.raw("FLUSHALL");
  thing = `thing ${++things}`;
  for (const one of [node, fresh]) one.reset();
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

/** Puts something under the key where an entry of version 1 was. */
const foreigners: Record<string, (entry: Buffer) => Promise<unknown>> = {
  "a list": (entry) => raw("RPUSH", entry),
  "a set": (entry) => raw("SADD", entry),
  "a hash": (entry) => raw("HSET", "field", entry),
  "messages of the first server": () => raw("SET", Buffer.from(encode([{ id: 9, sender_id: 1, content: "hello" }]))),
  "a text": () => raw("SET", "hello"),
  "an empty text": () => raw("SET", ""),
  "half a header": (entry) => raw("SET", entry.subarray(0, 30)),
  "an entry without its last byte": (entry) => raw("SET", entry.subarray(0, -1)),
  "an entry with a byte too many": (entry) => raw("SET", Buffer.concat([entry, Buffer.from([0xc0])])),
  "ten megabytes": () => raw("SETRANGE", 9_999_999, "x"),
  "ten megabytes that begin like an entry": async (entry) => [
    await raw("SET", entry),
    await raw("SETRANGE", 9_999_999, "x"),
  ],
  "an entry of another epoch": (entry) => raw("SET", changed(entry, [43, 0xff])),
  "versions beyond counting": (entry) => raw("SET", changed(entry, [6, 0x7f], [15, 0x7f])),
  "a dirty entry with a lease without end": (entry) => raw("SET", changed(entry, [22, 2], [25, 7], [34, 0x7f])),
};

function changed(entry: Buffer, ...places: [at: number, byte: number][]): Buffer {
  const bytes = Buffer.from(entry);
  for (const [at, byte] of places) bytes[at] = byte;
  return bytes;
}

test.each(Object.keys(foreigners))("%s under the key is never served, counted, and replaced", async (kind) => {
  await warm(node);
  const entry = (await raw("GET")) as Buffer;
  await raw("DEL");
  await foreigners[kind]?.(entry);
  // It has never seen this thing, so it must believe what it finds, or not.
  expect(await fresh.read(thing)).toEqual({ ver: 1, value: ["one"], from: "database" });
  expect(["read corrupt", "read miss", "read dirty"]).toContain(reads(fresh)[0]);
  await filled(fresh);
  for (const one of [node, fresh]) expect(await one.read(thing)).toEqual({ ver: 1, value: ["one"], from: "cache" });
  expect([...node.errors, ...fresh.errors]).toEqual([]);
});

test.each(Object.keys(foreigners))("%s under the key is no entry to a writer", async (kind) => {
  await warm(node);
  const entry = (await raw("GET")) as Buffer;
  await raw("DEL");
  await foreigners[kind]?.(entry);
  await node.write(thing, "two");
  await expect.poll(() => node.events.some((event) => event.startsWith("post"))).toBe(true);
  expect(node.events).not.toContain("mark unacked");
  expect((await node.read(thing)).value).toEqual(["one", "two"]);
});

test("what is too long to be kept is read from the database every time, and disturbs nobody", async () => {
  const node = await world.open({ source: { maxBytes: 100 } });
  const long = "x".repeat(100);
  await node.write(thing, long);
  for (let n = 0; n < 3; n++) expect(await node.read(thing)).toEqual({ ver: 1, value: [long], from: "database" });
  expect(node.events.filter((event) => event.startsWith("fill"))).toEqual(["fill failed"]);
});

test("for what is too long Redis is not asked again until there is another version, which may be short enough", async () => {
  const node = await world.open({ source: { records: (items) => (items.length === 1 ? undefined : items) } });
  await node.write(thing, "one");
  await node.read(thing);
  let asked = 0;
  node.hooks.redis = (_, send) => {
    asked += 1;
    return send();
  };
  for (let n = 0; n < 3; n++) expect(await node.read(thing)).toMatchObject({ ver: 1, from: "database" });
  expect([asked, node.loads()]).toEqual([0, 4]);
  await fresh.write(thing, "two");
  expect(await node.read(thing)).toMatchObject({ ver: 2, from: "database" });
  await node.read(thing);
  await filled(node);
  expect(await node.read(thing)).toMatchObject({ ver: 2, from: "cache" });
});

test("a long entry is read whole, and of what is none of ours no more than its beginning", async () => {
  const wide = { source: { maxBytes: 1_000_000 } };
  const [writer, reader] = [await world.open(wide), await world.open(wide)];
  const long = "x".repeat(200_000);
  await writer.write(thing, long);
  await writer.read(thing);
  await filled(writer);
  expect(await reader.read(thing)).toEqual({ ver: 1, value: [long], from: "cache" });
  await raw("DEL");
  await raw("SETRANGE", 9_999_999, "x");
  const sent = async (): Promise<number> =>
    Number(/total_net_output_bytes:(\d+)/.exec(String(await world.raw("INFO", "stats")))?.[1]);
  const fresh = await world.open(wide);
  const before = await sent();
  expect(await fresh.read(thing)).toEqual({ ver: 1, value: [long], from: "database" });
  expect((await sent()) - before).toBeLessThan(150_000);
});

test("an entry that was appended to beyond all bounds is replaced", async () => {
  const narrow = await world.open({ source: { maxBytes: 150 } });
  await warm(node);
  for (let n = 0; n < 3; n++) await node.write(thing, "x".repeat(50));
  await expect.poll(() => node.events.filter((event) => event === "post done")).toHaveLength(3);
  expect((await narrow.read(thing)).from).toBe("database");
  expect(reads(narrow)).toEqual(["read corrupt"]);
  expect((await header())?.hasBody).toBe(false);
});

test("records that make no value, or break whoever reads them, are replaced", async () => {
  await node.write(thing, "one");
  const fold = (records: readonly unknown[]): string[] | undefined => {
    if (records[0] === "unknown") return undefined;
    if (records[0] === "broken") throw new TypeError("cells is not iterable");
    return records as string[];
  };
  const reader = await world.open({ source: { fold } });
  for (const record of ["unknown", "broken"]) {
    await raw(
      "SET",
      packEntry({ ver: 1, epoch: world.control().epoch, until: Date.now() + 60_000, records: [record] }),
    );
    expect(await reader.read(thing)).toEqual({ ver: 1, value: ["one"], from: "database" });
    await expect.poll(async () => String(await raw("GET"))).toContain("one");
  }
  expect(reads(reader)).toEqual(["read miss", "read corrupt"]);
});

test("a value that cannot be packed is answered all the same, and so are those that were read with it", async () => {
  const node = await world.open({
    source: {
      records(items) {
        if (items[0] === "bad") throw new TypeError("cannot be packed");
        return items;
      },
    },
  });
  const names = ["bad", "good", "fine"].map((item) => `${thing} ${item}`);
  await node.batch(Object.fromEntries(names.map((name) => [name, [name.split(" ")[2] ?? ""]])));
  const found = await Promise.all(names.map((name) => node.read(name)));
  expect(found.map(({ value }) => value[0])).toEqual(["bad", "good", "fine"]);
  await filled(node, "stored", 2);
  await filled(node, "failed");
});
