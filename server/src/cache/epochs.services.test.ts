import { querySync, sharedDatabase, startPostgres, startRedis, startSystemPostgres } from "@om/services";
import { afterEach, expect, test } from "vitest";
import { createGate, holdPolls, newDatabase, unanswered, type CacheNode } from "../../tests/fixtures/cache-fixture.ts";
import { eventsOf, happened, setUpTestObjects } from "../../tests/fixtures/test-objects.ts";

const my = setUpTestObjects();
afterEach(() => my.world.closeNodes());

/** Until all know the epoch that is in force. */
async function settledOn(url: string, ...nodes: CacheNode[]): Promise<number> {
  await expect
    .poll(() =>
      nodes.every(({ cache }) => cache.state().epoch === my.world.control(url).epoch && cache.state().mode === "on"),
    )
    .toBe(true);
  return my.world.control(url).epoch;
}
const settled = (...nodes: CacheNode[]): Promise<number> => settledOn(my.world.url, ...nodes);

test("a connection that was lost comes back to the same entries", async () => {
  const node = await my.world.open();
  await my.warm(node);
  const epoch = await settled(node);
  const lost = new Promise<void>((resolve) => node.redis?.onUsable((usable) => void (usable || resolve())));
  await my.world.raw("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await lost;
  expect((await node.read(my.thing)).from).toBe("database");
  await expect.poll(() => node.redis?.usable).toBe(true);
  expect(await settled(node)).toBe(epoch);
  expect((await node.read(my.thing)).from).toBe("cache");
});

test("a node that cannot learn what changed stops reading Redis, and goes on when it can", async () => {
  const node = await my.world.open({ times: { freshMs: 300 } });
  await my.warm(node);
  const open = await holdPolls(node);
  await expect.poll(async () => (await node.read(my.thing)).from).toBe("database");
  expect(eventsOf(node, "read").at(-1)).toBe("read off");
  expect(await node.write(my.thing, "two")).toBe(2);
  expect(node.events).toContain("mark acked");
  open();
  await expect.poll(async () => (await node.read(my.thing)).from).toBe("cache");
});

test("requests that take all connections of the pool do not keep a node from looking", async () => {
  const node = await my.world.open({ times: { freshMs: 500 } });
  await my.warm(node);
  const commit = createGate();
  node.hooks.step = (name) => (name === "write-locked" ? commit.pass() : undefined);
  // More than there are connections.
  const writes = Array.from({ length: 12 }, (_, n) => node.write(`${my.thing} beside ${n}`, "one"));
  await commit.reached;
  let looks = 0;
  node.hooks.sql = async (name, run) => {
    const rows = await run();
    looks += Number(name === "cache.poll");
    return rows;
  };
  await expect.poll(() => looks, { timeout: 10_000 }).toBeGreaterThan(20);
  expect((await node.read(my.thing)).from).toBe("cache");
  commit.open();
  await Promise.all(writes);
});

test("Redis comes back with what it had long ago: nothing of that is served", async () => {
  const [node, other] = [await my.world.open(), await my.world.open()];
  await my.warm(node);
  const before = await settled(node, other);
  await my.world.raw("SAVE");
  await node.write(my.thing, "two");
  await happened(node, "post done");
  await my.world.redis.kill();
  // Nobody can mark this one, so it is noted.
  expect(await node.write(`${my.thing} beside`, "one")).toBe(1);
  expect(await node.read(my.thing)).toMatchObject({ ver: 2, from: "database" });
  await my.world.redis.start();
  await expect.poll(() => [node.redis?.usable, other.redis?.usable]).toEqual([true, true]);
  expect(await settled(node, other)).toBe(before + 1);
  expect(await my.header()).toMatchObject({ ver: 1, pend: 1, epoch: before, hasBody: true });
  for (const one of [other, node]) expect((await one.read(my.thing)).value).toEqual(["one", "two"]);
  await expect.poll(async () => (await other.read(my.thing)).from).toBe("cache");
  await expect.poll(() => my.world.sql("select count(*) from cache_dirty")).toBe("0");
});

test("a node that is left with an old Redis misleads nobody, and is misled for a moment at most", async () => {
  await using second = await startRedis();
  const old = await my.world.open();
  await my.warm(old);
  const before = await settled(old);
  const release = await holdPolls(old);
  const fresh = await my.world.open({ redis: second });
  expect(my.world.control().epoch).toBeGreaterThan(before);
  await fresh.read(my.thing);
  await happened(fresh, "fill stored");
  expect(await fresh.read(my.thing)).toMatchObject({ ver: 1, from: "cache" });
  // The old node's marks are acknowledged by the old Redis; under the lock it learns that this is not enough.
  await old.write(my.thing, "two");
  expect(old.events).toEqual(["mark acked", "noted 1"]);
  await expect.poll(async () => (await fresh.read(my.thing)).ver).toBe(2);
  await expect.poll(my.dirtyRows).toBe("0");
  await old.batch({ [my.thing]: ["three"] });
  await expect.poll(async () => (await fresh.read(my.thing)).ver).toBe(3);
  // The other way round the old node cannot know yet; once it looks, it leaves its Redis alone.
  await fresh.write(my.thing, "four");
  release();
  await expect
    .poll(async () => [(await old.read(my.thing)).ver, eventsOf(old, "read").at(-1)])
    .toEqual([4, "read off"]);
  old.events.length = 0;
  expect(await old.write(my.thing, "five")).toBe(5);
  expect(old.events).toContain("mark skipped");
  await expect.poll(async () => (await fresh.read(my.thing)).ver).toBe(5);
});

test("what a node wrote without a mark stays its floor in a new epoch, though it has not seen its own note yet", async () => {
  const [node, other] = [await my.world.open(), await my.world.open()];
  await node.write(my.thing, "one");
  await settled(node, other);
  my.world.sql("update cache_control set epoch = epoch + 1");
  // It has looked before it writes, but hears the answer after it has written.
  const answer = createGate();
  node.hooks.sql = async (name, run) => {
    const rows = await run();
    if (name === "cache.poll") await answer.pass();
    return rows;
  };
  await answer.reached;
  await settled(other);
  await other.read(my.thing);
  await happened(other, "fill stored");
  await holdPolls(other);
  node.hooks.redis = (name, send) => (name === "mark" ? unanswered() : send());
  expect(await node.write(my.thing, "two")).toBe(2);
  expect(my.dirtyRows()).toBe("1");
  const { sql } = node.hooks;
  const next = createGate();
  node.hooks.sql = (name, run) => (name === "cache.poll" ? next.pass().then(run) : sql(name, run));
  answer.open();
  await settled(node);
  expect(await my.header()).toMatchObject({ ver: 1, pend: 1 });
  expect((await node.read(my.thing)).ver).toBe(2);
  next.open();
});

test("without the cache, what is written is noted for as long as somebody may still read it, and then no more", async () => {
  const [reader, writer] = [await my.world.open(), await my.world.open({ redis: undefined })];
  await my.warm(reader);
  const before = await settled(reader);
  const release = await holdPolls(reader, writer);
  my.world.sql("update cache_control set mode = 'off', mode_changed_at = clock_timestamp() - interval '1 second'");
  await writer.write(my.thing, "two");
  await writer.batch({ [my.thing]: ["three"] });
  expect(my.dirtyRows()).toBe("2");
  my.world.sql(
    "delete from cache_dirty; update cache_control set mode_changed_at = clock_timestamp() - interval '3 seconds'",
  );
  await writer.write(my.thing, "four");
  await writer.batch({ [my.thing]: ["five"] });
  expect(my.dirtyRows()).toBe("0");
  // Nobody has touched the entry, which is clean and three versions behind.
  expect(await my.header()).toMatchObject({ ver: 1, pend: 1, epoch: before });
  release();
  await expect.poll(() => my.world.control()).toEqual({ epoch: before + 1, mode: "on" });
  await settled(reader);
  expect((await reader.read(my.thing)).ver).toBe(5);
});

test("when the cache is turned on while somebody writes without it, nobody stores what is about to be old", async () => {
  const [reader, writer] = [await my.world.open(), await my.world.open({ redis: undefined })];
  await writer.write(my.thing, "one");
  await expect.poll(my.dirtyRows).toBe("0");
  const release = await holdPolls(reader, writer);
  my.world.sql("update cache_control set mode = 'off', mode_changed_at = clock_timestamp() - interval '3 seconds'");
  const commit = createGate();
  writer.hooks.sql = async (name, run) => {
    const rows = await run();
    if (name === "cache.add_dirty") await commit.pass();
    return rows;
  };
  const write = writer.write(my.thing, "two");
  await commit.reached;
  release();
  await settled(reader);
  expect(await reader.read(my.thing)).toMatchObject({ ver: 1, from: "database" });
  await happened(reader, "fill busy");
  commit.open();
  await write;
  expect(my.dirtyRows()).toBe("0");
  expect((await reader.read(my.thing)).ver).toBe(2);
});

test("two installations may share a Redis by mistake: neither is ever given what the other has", async () => {
  // Both are new, so everything has happened to both equally often.
  const urls = [await newDatabase(), await newDatabase()];
  for (const [n, url] of urls.entries()) {
    querySync(url, `insert into things values ('${my.thing}', 1, '{"of the ${n === 0 ? "first" : "second"}"}')`);
  }
  const [first, second] = [await my.world.open({ url: urls[0] ?? "" }), await my.world.open({ url: urls[1] ?? "" })];
  for (let n = 0; n < 5; n++) {
    expect((await first.read(my.thing)).value).toEqual(["of the first"]);
    expect((await second.read(my.thing)).value).toEqual(["of the second"]);
  }
});

test("a database that was restored begins anew, though Redis and PostgreSQL ran on", async () => {
  await using system = await startSystemPostgres();
  const original = await newDatabase(system);
  system.sql(original, `insert into things values ('${my.thing}', 0, '{}')`);
  const node = await my.world.open({ url: original });
  await node.write(my.thing, "one");
  await expect.poll(async () => (await node.read(my.thing)).from).toBe("cache");
  const dump = system.dump(original);
  await node.write(my.thing, "two, which was lost");
  await happened(node, "post done");
  await my.world.closeNodes();
  const url = system.createDatabase();
  system.load(url, dump);
  const restored = await my.world.open({ url });
  expect(await restored.read(my.thing)).toMatchObject({ ver: 1, value: ["one"] });
  await expect.poll(async () => (await restored.read(my.thing)).from).toBe("cache");
  expect((await restored.read(my.thing)).value).toEqual(["one"]);
});

test("a database made from another as its template begins anew in the same Redis", async () => {
  const original = await newDatabase();
  querySync(original, `insert into things values ('${my.thing}', 0, '{}')`);
  const node = await my.world.open({ url: original });
  await node.write(my.thing, "one");
  await expect.poll(async () => (await node.read(my.thing)).from).toBe("cache");
  await my.world.closeNodes();
  const copy = sharedDatabase(original);
  const first = await my.world.open({ url: original });
  await expect.poll(async () => (await first.read(my.thing)).from).toBe("cache");
  await first.write(my.thing, "two, which the copy has not");
  await happened(first, "post done");
  const second = await my.world.open({ url: copy });
  await expect.poll(async () => (await second.read(my.thing)).from).toBe("cache");
  expect((await second.read(my.thing)).value).toEqual(["one"]);
});

test("PostgreSQL begins another run: a new epoch, for its versions may have been others", async () => {
  await using postgres = await startPostgres();
  const url = await newDatabase(postgres);
  const [node, other] = [await my.world.open({ url }), await my.world.open({ url })];
  await my.warm(node);
  const before = await settledOn(url, node, other);
  await postgres.kill();
  await expect(node.write(my.thing, "lost")).rejects.toThrow("database unavailable");
  await postgres.start();
  await expect.poll(() => my.world.control(url).epoch, { timeout: 10_000 }).not.toBe(before);
  await settledOn(url, node, other);
  expect(await my.header()).toMatchObject({ ver: 1, epoch: before });
  expect(await other.read(my.thing)).toMatchObject({ ver: 1, from: "database" });
  await happened(other, "fill stored");
  expect((await node.read(my.thing)).from).toBe("cache");
});
