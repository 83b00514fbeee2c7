import { encode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import { eventsOf, happened, setUpSharedTestObjects } from "../../tests/fixtures/test-objects.ts";

const my = setUpSharedTestObjects();

/** Puts something under the key where an entry of version 1 was. */
const foreigners: Record<string, (entry: Buffer) => Promise<unknown>> = {
  "a list": (entry) => my.raw("RPUSH", entry),
  "a set": (entry) => my.raw("SADD", entry),
  "a hash": (entry) => my.raw("HSET", "field", entry),
  "messages of the first server": () => my.raw("SET", Buffer.from(encode([{ id: 9, sender_id: 1, content: "hello" }]))),
  "a text": () => my.raw("SET", "hello"),
  "an empty text": () => my.raw("SET", ""),
  "half a header": (entry) => my.raw("SET", entry.subarray(0, 30)),
  "an entry without its last byte": (entry) => my.raw("SET", entry.subarray(0, -1)),
  "an entry with a byte too many": (entry) => my.raw("SET", Buffer.concat([entry, Buffer.from([0xc0])])),
  "ten megabytes": () => my.raw("SETRANGE", 9_999_999, "x"),
  "ten megabytes that begin like an entry": async (entry) => [
    await my.raw("SET", entry),
    await my.raw("SETRANGE", 9_999_999, "x"),
  ],
  "an entry of another epoch": (entry) => my.raw("SET", changed(entry, [43, 0xff])),
  "versions beyond counting": (entry) => my.raw("SET", changed(entry, [6, 0x7f], [15, 0x7f])),
  "a dirty entry with a lease without end": (entry) => my.raw("SET", changed(entry, [22, 2], [25, 7], [34, 0x7f])),
};

function changed(entry: Buffer, ...places: [at: number, byte: number][]): Buffer {
  const bytes = Buffer.from(entry);
  for (const [at, byte] of places) bytes[at] = byte;
  return bytes;
}

test.each(Object.keys(foreigners))("%s under the key is never served, counted, and replaced", async (kind) => {
  const [node, fresh] = my.pair;
  await my.warm(node);
  const entry = (await my.raw("GET")) as Buffer;
  await my.raw("DEL");
  await foreigners[kind]?.(entry);
  // It has never seen this thing, so it must believe what it finds, or not.
  expect(await fresh.read(my.thing)).toEqual({ ver: 1, value: ["one"], from: "database" });
  expect(["read corrupt", "read miss", "read dirty"]).toContain(eventsOf(fresh, "read")[0]);
  await happened(fresh, "fill stored");
  for (const one of [node, fresh]) expect(await one.read(my.thing)).toEqual({ ver: 1, value: ["one"], from: "cache" });
  expect([...node.errors, ...fresh.errors]).toEqual([]);
});

test.each(Object.keys(foreigners))("%s under the key is no entry to a writer", async (kind) => {
  const [node] = my.pair;
  await my.warm(node);
  const entry = (await my.raw("GET")) as Buffer;
  await my.raw("DEL");
  await foreigners[kind]?.(entry);
  await node.write(my.thing, "two");
  await expect.poll(() => node.events.some((event) => event.startsWith("post"))).toBe(true);
  expect(node.events).not.toContain("mark unacked");
  expect((await node.read(my.thing)).value).toEqual(["one", "two"]);
});

test("what is too long to be kept is read from the database every time, and disturbs nobody", async () => {
  const node = await my.world.open({ source: { maxBytes: 100 } });
  const long = "x".repeat(100);
  await node.write(my.thing, long);
  for (let n = 0; n < 3; n++) expect(await node.read(my.thing)).toEqual({ ver: 1, value: [long], from: "database" });
  expect(eventsOf(node, "fill")).toEqual(["fill failed"]);
});

test("for what is too long Redis is not asked again until there is another version, which may be short enough", async () => {
  const [, fresh] = my.pair;
  const node = await my.world.open({ source: { records: (items) => (items.length === 1 ? undefined : items) } });
  await node.write(my.thing, "one");
  await node.read(my.thing);
  let asked = 0;
  node.hooks.redis = (_, send) => {
    asked += 1;
    return send();
  };
  for (let n = 0; n < 3; n++) expect(await node.read(my.thing)).toMatchObject({ ver: 1, from: "database" });
  expect([asked, node.loads()]).toEqual([0, 4]);
  await fresh.write(my.thing, "two");
  expect(await node.read(my.thing)).toMatchObject({ ver: 2, from: "database" });
  await node.read(my.thing);
  await happened(node, "fill stored");
  expect(await node.read(my.thing)).toMatchObject({ ver: 2, from: "cache" });
});

test("a long entry is read whole, and of what is none of ours no more than its beginning", async () => {
  const wide = { source: { maxBytes: 1_000_000 } };
  const [writer, reader] = [await my.world.open(wide), await my.world.open(wide)];
  const long = "x".repeat(200_000);
  await writer.write(my.thing, long);
  await writer.read(my.thing);
  await happened(writer, "fill stored");
  expect(await reader.read(my.thing)).toEqual({ ver: 1, value: [long], from: "cache" });
  await my.raw("DEL");
  await my.raw("SETRANGE", 9_999_999, "x");
  const sent = async (): Promise<number> =>
    Number(/total_net_output_bytes:(\d+)/.exec(String(await my.world.raw("INFO", "stats")))?.[1]);
  const fresh = await my.world.open(wide);
  const before = await sent();
  expect(await fresh.read(my.thing)).toEqual({ ver: 1, value: [long], from: "database" });
  expect((await sent()) - before).toBeLessThan(150_000);
});

test("an entry that was appended to beyond all bounds is replaced", async () => {
  const [node] = my.pair;
  const narrow = await my.world.open({ source: { maxBytes: 150 } });
  await my.warm(node);
  for (let n = 0; n < 3; n++) await node.write(my.thing, "x".repeat(50));
  await happened(node, "post done", 3);
  expect((await narrow.read(my.thing)).from).toBe("database");
  expect(eventsOf(narrow, "read")).toEqual(["read corrupt"]);
  expect((await my.header())?.hasBody).toBe(false);
});

test("records that make no value, or break whoever reads them, are replaced", async () => {
  const [node] = my.pair;
  await node.write(my.thing, "one");
  const fold = (records: readonly unknown[]): string[] | undefined => {
    if (records[0] === "unknown") return undefined;
    if (records[0] === "broken") throw new TypeError("cells is not iterable");
    return records as string[];
  };
  const reader = await my.world.open({ source: { fold } });
  for (const record of ["unknown", "broken"]) {
    await my.forge(1, [record]);
    expect(await reader.read(my.thing)).toEqual({ ver: 1, value: ["one"], from: "database" });
    await expect.poll(async () => String(await my.raw("GET"))).toContain("one");
  }
  expect(eventsOf(reader, "read")).toEqual(["read miss", "read corrupt"]);
});

test("a value that cannot be packed is answered all the same, and so are those that were read with it", async () => {
  const node = await my.world.open({
    source: {
      records(items) {
        if (items[0] === "bad") throw new TypeError("cannot be packed");
        return items;
      },
    },
  });
  const names = ["bad", "good", "fine"].map((item) => `${my.thing} ${item}`);
  await node.batch(Object.fromEntries(names.map((name) => [name, [name.split(" ")[2] ?? ""]])));
  const found = await Promise.all(names.map((name) => node.read(name)));
  expect(found.map(({ value }) => value[0])).toEqual(["bad", "good", "fine"]);
  await happened(node, "fill stored", 2);
  await happened(node, "fill failed");
});
