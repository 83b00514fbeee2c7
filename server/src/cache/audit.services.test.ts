import { expect, test } from "vitest";
import { createGate, type CacheNode } from "../../tests/fixtures/cache-fixture.ts";
import { eventsOf, setUpSharedTestObjects } from "../../tests/fixtures/test-objects.ts";

const my = setUpSharedTestObjects();

/** A thing of version 2 whose entry has version 1; nobody but the writer has seen it. */
async function stale(writer: CacheNode): Promise<void> {
  for (const item of ["one", "two"]) await writer.write(my.thing, item, { withoutPost: true });
  await my.forge(1);
}

/** What an audit of the node says: one of its next thousand hits is looked at. */
async function audited(node: CacheNode): Promise<string | undefined> {
  for (let n = 0; n < 1_000; n++) await node.read(my.thing);
  await expect.poll(() => eventsOf(node, "audit")).toHaveLength(1);
  return eventsOf(node, "audit")[0];
}

test("one of a thousand hits is audited, and fine", async () => {
  const [node] = my.pair;
  await node.write(my.thing, "one", { withoutPost: true });
  await my.forge(1);
  expect(await audited(node)).toBe("audit fine");
});

test("a stale entry that nothing explains is found", async () => {
  const [writer, node] = my.pair;
  await stale(writer);
  expect(await audited(node)).toBe("audit stale");
});

test("an entry that is newer than the rows that were read before it is fine", async () => {
  const [writer, node] = my.pair;
  await stale(writer);
  const loaded = createGate();
  node.hooks.sql = async (name, run) => {
    const rows = await run();
    if (name === "things.load") await loaded.pass();
    return rows;
  };
  const found = audited(node);
  await loaded.reached;
  await writer.write(my.thing, "three", { withoutPost: true });
  await my.forge(3);
  loaded.open();
  expect(await found).toBe("audit fine");
});

/** Both nodes see nothing new of what they agree on, while `happens`; no audit may come of a thousand hits. */
async function expectExplained(happens: () => unknown): Promise<void> {
  const [writer, node] = my.pair;
  await stale(writer);
  const polls = createGate();
  const asked = createGate();
  for (const one of my.pair) {
    one.hooks.sql = async (name, run) => {
      if (name === "cache.poll") await polls.pass();
      const rows = await run();
      if (name === "cache.explained") void asked.pass();
      return rows;
    };
  }
  happens();
  for (let n = 0; n < 1_000; n++) await node.read(my.thing);
  await asked.reached;
  // What the audit asks of Redis is answered before this.
  await node.read(my.thing);
  expect(eventsOf(node, "audit")).toEqual([]);
  polls.open();
}

test("what a note explains is no violation", () =>
  expectExplained(() => my.world.sql(`insert into cache_dirty (key, ver) values ('thing:${my.thing}', 2)`)));

test("nor what an epoch explains of which this node has not heard yet", () =>
  expectExplained(() => my.world.sql("update cache_control set epoch = epoch + 1")));

test("nor what was written while the cache was off", () =>
  expectExplained(() => my.world.sql("update cache_control set mode = 'off', mode_changed_at = now()")));
