import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openDatabase } from "../platform/postgres/database.ts";
import { holdPolls, startCacheFixture, type CacheNode, type CacheFixture } from "../../tests/fixtures/cache-fixture.ts";
import { controlStore } from "./control-store.ts";

/*
 * PostgreSQL has failed over and lost commits, whose versions it gives out again. Until a node has seen that, its marks are answered as
 * ever: the transaction itself must find out.
 */

let world: CacheFixture;
let thing = "";
beforeAll(async () => {
  world = await startCacheFixture();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  thing = `thing ${Math.random()}`;
  await world.raw("FLUSHALL");
});
afterEach(() => world.closeNodes());

const dirtyRows = (): string => world.sql(`select ver from cache_dirty where key = 'thing:${thing}'`);

/** A node that has the thing in the cache, at version 2, and does not look; PostgreSQL has lost version 2, and is another run. */
async function failedOver(): Promise<CacheNode> {
  const node = await world.open();
  await node.write(thing, "one");
  await node.write(thing, "lost");
  expect((await node.read(thing)).value).toEqual(["one", "lost"]);
  await expect.poll(() => node.events).toContain("fill stored");
  await holdPolls(node);
  world.sql(`update things set ver = 1, items = array['one'] where name = '${thing}'`);
  world.sql("update cache_control set pg_run = 'the run before'");
  node.events.length = 0;
  return node;
}

const writes: [string, (node: CacheNode, item: string) => Promise<unknown>][] = [
  ["a transaction", (node, item) => node.write(thing, item)],
  ["a batch", (node, item) => node.batch({ [thing]: [item] })],
];

test.each(writes)(
  "%s under the epoch of the run before is noted, and nothing is appended to what was lost",
  async (_, write) => {
    const node = await failedOver();
    await write(node, "two");
    expect(dirtyRows()).toBe("2");
    await write(node, "three");
    expect(dirtyRows()).toBe("2\n3");
    expect(node.events.filter((event) => event.startsWith("mark "))).toEqual(["mark acked", "mark acked"]);
    expect(node.events.filter((event) => event.startsWith("post "))).toEqual([]);
    expect(await node.read(thing)).toMatchObject({ ver: 3, value: ["one", "two", "three"] });
  },
);

test.each(writes)("%s under the present epoch is not noted", async (_, write) => {
  const node = await world.open();
  await node.write(thing, "one");
  await node.read(thing);
  await write(node, "two");
  expect(dirtyRows()).toBe("");
  await expect.poll(() => node.events).toContain("post done");
});

test("rows that were seen in another run of PostgreSQL are not removed: their ids may be given to others by now", async () => {
  await using db = openDatabase({
    connection: { connectionString: world.url },
    poolSize: 1,
    onOutage: () => undefined,
  });
  const id = Number(world.sql(`insert into cache_dirty (key, ver) values ('thing:${thing}', 7) returning id`));
  const store = controlStore(db);
  await store.removeDirty([id], "the run before");
  expect(dirtyRows()).toBe("7");
  const { pg_now: run } = await store.poll();
  await store.removeDirty([id], run);
  expect(dirtyRows()).toBe("");
});
