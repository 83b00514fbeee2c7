import { expect, test } from "vitest";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { createGate, holdPolls, unanswered, type CacheNode } from "../../tests/fixtures/cache-fixture.ts";
import { happened, setUpSharedTestObjects } from "../../tests/fixtures/test-objects.ts";

const my = setUpSharedTestObjects();

test("a write costs one version, one mark and one append, and nothing is noted", async () => {
  const [node] = my.pair;
  await my.warm(node);
  expect(await node.write(my.thing, "two")).toBe(2);
  await happened(node, "post done");
  expect(node.events).toEqual(["mark acked", "post done"]);
  expect(await my.header()).toMatchObject({ ver: 2, pend: 2, records: 2, leased: false });
});

test("a writer who dies between commit and append leaves a dirty entry, which the next reader heals", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  node.hooks.step = (name) => (name === "write-committed" ? Promise.reject(new Error("dead")) : undefined);
  await expect(node.write(my.thing, "two")).rejects.toThrow("dead");
  expect(await my.header()).toMatchObject({ ver: 1, pend: 2 });
  expect(await other.read(my.thing)).toEqual({ ver: 2, value: ["one", "two"], from: "database" });
  await happened(other, "fill stored");
  node.hooks.step = () => undefined;
  for (const one of my.pair) expect(await one.read(my.thing)).toMatchObject({ ver: 2, from: "cache" });
});

test("a commit of which nobody hears is not appended, whether it happened or not", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  node.hooks.isCommitHeard = () => false;
  await expect(node.write(my.thing, "two")).rejects.toThrow(DatabaseUnavailable);
  expect(await my.header()).toMatchObject({ ver: 1, pend: 2, records: 1 });
  for (const one of [other, node]) expect((await one.read(my.thing)).value).toEqual(["one", "two"]);
  expect(node.events).not.toContain("post done");
});

test("a transaction that is taken back after its marks changes nothing but that the entry is read anew", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  node.hooks.step = (name) => (name === "write-marked" ? Promise.reject(new Error("refused")) : undefined);
  await expect(node.write(my.thing, "two")).rejects.toThrow("refused");
  expect(await my.header()).toMatchObject({ ver: 1, pend: 2 });
  expect(await other.read(my.thing)).toMatchObject({ ver: 1, from: "database" });
  await happened(other, "fill stored");
  expect(await my.header()).toMatchObject({ ver: 1, pend: 1 });
  node.hooks.step = () => undefined;
  expect(await node.write(my.thing, "two")).toBe(2);
  expect(await other.read(my.thing)).toMatchObject({ ver: 2 });
});

test("without an acknowledged mark the key is noted with the commit, known to its writer at once, and dead everywhere soon", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  await other.read(my.thing);
  const release = await holdPolls(...my.pair);
  node.hooks.redis = (name, send) => (name === "mark" ? unanswered() : send());
  const committed = createGate();
  node.hooks.step = (name) => (name === "write-marked" ? committed.pass() : undefined);
  const write = node.write(my.thing, "two");
  await committed.reached;
  expect(my.dirtyRows()).toBe("0");
  committed.open();
  await write;
  expect(my.dirtyRows()).toBe("1");
  expect(node.events).toEqual(["mark unacked", "noted 1"]);
  // Nobody could tell the others yet; within the bound they may be late, but the writer is not.
  expect(await my.header()).toMatchObject({ ver: 1, pend: 1 });
  expect((await other.read(my.thing)).ver).toBe(1);
  expect(await node.read(my.thing)).toMatchObject({ ver: 2, from: "database" });
  node.hooks.redis = (_, send) => send();
  release();
  await expect.poll(my.dirtyRows).toBe("0");
  expect((await other.read(my.thing)).ver).toBe(2);
});

test("another node's note is this node's floor, even if Redis cannot be told", async () => {
  const [node, other] = my.pair;
  await my.warm(other);
  for (const one of my.pair) one.hooks.redis = (name, send) => (name === "mark" ? unanswered() : send());
  await node.write(my.thing, "two");
  await expect.poll(async () => (await other.read(my.thing)).ver).toBe(2);
  // As if somebody had put back what was there before.
  await my.forge(1, ["one"]);
  expect(await other.read(my.thing)).toMatchObject({ ver: 2, from: "database" });
  expect(my.dirtyRows()).toBe("1");
});

test("a row is not removed before its key is dead, also if whoever killed it dies", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  for (const one of my.pair) {
    one.hooks.redis = (name, send) => (name === "mark" ? unanswered() : send());
    one.hooks.step = (name) => (name === "relay-marked" ? Promise.reject(new Error("dead")) : undefined);
  }
  await node.write(my.thing, "two");
  other.hooks.redis = (_, send) => send();
  await expect.poll(async () => (await my.header())?.pend).toBe(2);
  await expect.poll(() => other.errors.map(String)).toContain("Error: dead");
  expect(my.dirtyRows()).toBe("1");
  other.errors.length = 0;
  other.hooks.step = () => undefined;
  await expect.poll(my.dirtyRows).toBe("0");
  expect((await other.read(my.thing)).ver).toBe(2);
});

test("a mark that arrives after the commit and after a new fill costs one more fill", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  const late = createGate();
  let arrived: Promise<unknown> = Promise.resolve();
  node.hooks.redis = (name, send) => {
    if (name !== "mark") return send();
    node.hooks.redis = (_, next) => next();
    arrived = late.pass().then(send);
    return unanswered();
  };
  await node.write(my.thing, "two");
  await expect.poll(my.dirtyRows).toBe("0");
  await expect.poll(async () => (await other.read(my.thing)).from).toBe("cache");
  late.open();
  await arrived;
  for (const one of my.pair) expect(await one.read(my.thing)).toMatchObject({ ver: 2 });
  await expect.poll(async () => (await other.read(my.thing)).from).toBe("cache");
});

test("a fill that was on its way while its key was marked, noted and killed is refused", async () => {
  const [node, other] = my.pair;
  await node.write(my.thing, "one");
  const slow = createGate();
  other.hooks.step = (name) => (name === "read-loaded" ? slow.pass() : undefined);
  const read = other.read(my.thing);
  await slow.reached;
  node.hooks.redis = (name, send) => (name === "mark" ? unanswered() : send());
  await node.write(my.thing, "two");
  node.hooks.redis = (_, send) => send();
  await expect.poll(my.dirtyRows).toBe("0");
  slow.open();
  expect((await read).ver).toBe(1);
  await happened(other, "fill refused");
  for (const one of my.pair) expect((await one.read(my.thing)).ver).toBe(2);
});

test.each(["write-locked", "write-marked", "write-committed"] as const)(
  "FLUSHALL at %s changes nothing",
  async (at) => {
    const [node, other] = my.pair;
    await my.warm(node);
    const gate = createGate();
    node.hooks.step = (name) => (name === at ? gate.pass() : undefined);
    const write = node.write(my.thing, "two");
    await gate.reached;
    await my.world.raw("FLUSHALL");
    const during = await other.read(my.thing);
    expect(during.ver).toBe(at === "write-committed" ? 2 : 1);
    gate.open();
    await write;
    for (const one of [other, node, other]) expect((await one.read(my.thing)).value).toEqual(["one", "two"]);
  },
);

test("forgotten scripts make a write note what it could not mark; then they are there again", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  await my.world.raw("SCRIPT", "FLUSH");
  await node.write(my.thing, "two");
  expect(node.events).toContain("mark unacked");
  expect((await node.read(my.thing)).ver).toBe(2);
  await expect.poll(my.dirtyRows).toBe("0");
  expect((await other.read(my.thing)).ver).toBe(2);
  node.events.length = 0;
  await node.write(my.thing, "three");
  expect(node.events).toContain("mark acked");
});

test("a full Redis takes no marks; the writes are noted and the reads are right", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  await my.world.raw("CONFIG", "SET", "maxmemory", "1");
  await node.write(my.thing, "two");
  expect(node.events).toContain("mark unacked");
  expect((await node.read(my.thing)).ver).toBe(2);
  await my.world.raw("CONFIG", "SET", "maxmemory", "0");
  await expect.poll(my.dirtyRows).toBe("0");
  expect((await other.read(my.thing)).ver).toBe(2);
});

test("two changes of a thing in one transaction are two versions, marked and appended in order", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  expect(await node.write(my.thing, "two", { twice: true })).toBe(3);
  await happened(node, "post done", 2);
  expect(await other.read(my.thing)).toEqual({ ver: 3, value: ["one", "two", "two again"], from: "cache" });
});

test("a batch appends all records of a key at once, and each key its own", async () => {
  const [node, other] = my.pair;
  const [a, b, c] = ["a", "b", "c"].map((letter) => `${my.thing} ${letter}`) as [string, string, string];
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
  const [node, other] = my.pair;
  const names = Array.from({ length: 600 }, (_, n) => `${my.thing} ${n}`);
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
  const [node, other] = my.pair;
  await my.warm(node);
  const release = await holdPolls(...my.pair);
  node.hooks.redis = (name, send) => (name === "mark" ? unanswered() : send());
  await node.batch({ [my.thing]: ["two", "three"] });
  expect(my.dirtyRows()).toBe("1");
  expect(await node.read(my.thing)).toMatchObject({ ver: 3, from: "database" });
  node.hooks.redis = (_, send) => send();
  release();
  await expect.poll(my.dirtyRows).toBe("0");
  expect((await other.read(my.thing)).ver).toBe(3);
});

test("appends of two nodes that arrive out of order leave the entry dirty, never wrong", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  const late = createGate();
  node.hooks.redis = (name, send) => (name === "post" ? late.pass().then(send) : send());
  await node.write(my.thing, "two");
  await other.write(my.thing, "three");
  await happened(other, "post gap");
  expect(await my.header()).toMatchObject({ ver: 1, pend: 3 });
  late.open();
  await happened(node, "post done");
  expect(await my.header()).toMatchObject({ ver: 2, pend: 3 });
  for (const one of my.pair) expect((await one.read(my.thing)).value).toEqual(["one", "two", "three"]);
});

test("an append that comes too early is tried again, and follows the one that it waited for", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  const first = createGate();
  node.hooks.redis = (name, send) => (name === "post" ? first.pass().then(send) : send());
  await node.write(my.thing, "two");
  let posts = 0;
  other.hooks.redis = async (name, send) => {
    if (name !== "post" || ++posts === 1) return send();
    first.open();
    await happened(node, "post done");
    return send();
  };
  await other.write(my.thing, "three");
  await happened(other, "post done");
  expect([posts, other.events]).toEqual([2, ["mark acked", "post done"]]);
  expect(await my.header()).toMatchObject({ ver: 3, pend: 3 });
  expect((await other.read(my.thing)).value).toEqual(["one", "two", "three"]);
  expect(other.loads()).toBe(0);
});

test("many readers and writers of one thing: nobody ever reads less than was committed before", async () => {
  let committed = 0;
  const write = async (node: CacheNode, n: number): Promise<void> => {
    const ver = await node.write(my.thing, String(n));
    committed = Math.max(committed, ver);
  };
  const read = async (node: CacheNode): Promise<void> => {
    for (let n = 0; n < 60; n++) {
      const before = committed;
      expect((await node.read(my.thing)).ver).toBeGreaterThanOrEqual(before);
      if (n % 20 === 19) await my.raw("DEL");
    }
  };
  const writers = my.pair.map(async (node) => {
    for (let n = 0; n < 30; n++) await write(node, n);
  });
  await Promise.all([...writers, ...my.pair.flatMap((node) => [read(node), read(node), read(node)])]);
  for (const node of my.pair) expect(await node.read(my.thing)).toMatchObject({ ver: 60 });
});
