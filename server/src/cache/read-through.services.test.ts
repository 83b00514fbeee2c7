import { expect, test } from "vitest";
import { OmError } from "../platform/om-error.ts";
import { createGate, unanswered } from "../../tests/fixtures/cache-fixture.ts";
import { eventsOf, happened, setUpSharedTestObjects } from "../../tests/fixtures/test-objects.ts";

const my = setUpSharedTestObjects();

test("what is missing is read once and kept; then the bytes are read once, and then not even they", async () => {
  const [node, other] = my.pair;
  await node.write(my.thing, "one");
  expect(await node.read(my.thing)).toEqual({ ver: 1, value: ["one"], from: "database" });
  await happened(node, "fill stored");
  for (const one of [node, node, other, other]) {
    expect(await one.read(my.thing)).toEqual({ ver: 1, value: ["one"], from: "cache" });
  }
  expect(eventsOf(node, "read")).toEqual(["read miss", "read hit", "read hit_l1"]);
  expect(eventsOf(other, "read")).toEqual(["read hit", "read hit_l1"]);
  expect([node.loads(), other.loads()]).toEqual([1, 0]);
});

test("several are looked at by one call; only what memory does not hold is looked at by itself", async () => {
  const [node, other] = my.pair;
  const names = ["a", "b", "c", "d", "e"].map((letter) => `${my.thing} ${letter}`);
  const [kept = "", changed = "", foreign = "", missing = "", dirty = ""] = names;
  for (const name of names) await node.write(name, "one");
  await node.readAll(names);
  await happened(node, "fill stored", names.length);
  const sent: string[] = [];
  node.hooks.redis = (name, send) => (sent.push(name), send());
  expect((await node.readAll(names)).map(({ from }) => from)).toEqual(names.map(() => "cache"));
  expect(sent).toEqual(["look", ...names.map(() => "GETRANGE")]);
  sent.length = 0;
  expect((await node.readAll(names)).map(({ from }) => from)).toEqual(names.map(() => "cache"));
  expect(sent).toEqual(["look"]);

  await other.write(changed, "two");
  await happened(other, "post done");
  await my.world.raw("DEL", `thing:${foreign}`, `thing:${missing}`);
  await my.world.raw("RPUSH", `thing:${foreign}`, "of somebody else");
  await other.write(dirty, "two", { withoutPost: true });
  sent.length = 0;
  node.events.length = 0;
  const found = await node.readAll([...names, kept]);
  expect(found.map(({ ver, from }) => [ver, from])).toEqual([
    [1, "cache"],
    [2, "cache"],
    [1, "database"],
    [1, "database"],
    [2, "database"],
    [1, "cache"],
  ]);
  expect(eventsOf(node, "read").toSorted()).toEqual(
    ["read corrupt", "read dirty", "read hit", "read hit_l1", "read hit_l1", "read miss"].toSorted(),
  );
});

test("several, of which Redis says nothing: the database is asked for all", async () => {
  const [node] = my.pair;
  const names = [`${my.thing} a`, `${my.thing} b`];
  for (const name of names) await node.write(name, "one");
  node.hooks.redis = (name, send) => (name === "look" ? unanswered() : send());
  expect((await node.readAll(names)).map(({ ver, from }) => [ver, from])).toEqual([
    [1, "database"],
    [1, "database"],
  ]);
  expect(eventsOf(node, "read")).toEqual(["read unavailable", "read unavailable"]);
  expect(node.loads()).toBe(1);
});

test("that there is nothing is kept too, until there is something", async () => {
  const [node] = my.pair;
  expect(await node.read(my.thing)).toEqual({ ver: 0, value: [], from: "database" });
  await happened(node, "fill stored");
  expect((await node.read(my.thing)).from).toBe("cache");
  await node.write(my.thing, "one", { withoutPost: true });
  expect(await node.read(my.thing)).toEqual({ ver: 1, value: ["one"], from: "database" });
});

test("a change is appended to what is kept, and read from there on every node", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  await other.read(my.thing);
  for (const item of ["two", "three"]) await node.write(my.thing, item);
  await happened(node, "post done", 2);
  for (const one of [node, other]) {
    expect(await one.read(my.thing)).toEqual({ ver: 3, value: ["one", "two", "three"], from: "cache" });
  }
  expect(other.loads()).toBe(0);
});

test("a reader who is so slow that a write comes in between stores nothing", async () => {
  const [node, writer] = my.pair;
  await node.write(my.thing, "one");
  const gate = createGate();
  node.hooks.step = (name) => (name === "read-loaded" ? gate.pass() : undefined);
  const slow = node.read(my.thing);
  await gate.reached;
  await writer.write(my.thing, "two");
  gate.open();
  expect((await slow).ver).toBe(1);
  await happened(node, "fill refused");
  for (const one of [writer, node]) expect((await one.read(my.thing)).value).toEqual(["one", "two"]);
});

test("nor when the entry is evicted and leased by another meanwhile", async () => {
  const [node, writer] = my.pair;
  await node.write(my.thing, "one");
  const [slowGate, nextGate] = [createGate(), createGate()];
  node.hooks.step = (name) => (name === "read-loaded" ? slowGate.pass() : undefined);
  writer.hooks.step = (name) => (name === "read-loaded" ? nextGate.pass() : undefined);
  const slow = node.read(my.thing);
  await slowGate.reached;
  await my.world.raw("FLUSHALL");
  await writer.write(my.thing, "two");
  const next = writer.read(my.thing);
  await nextGate.reached;
  slowGate.open();
  expect((await slow).ver).toBe(1);
  await happened(node, "fill refused");
  nextGate.open();
  expect((await next).ver).toBe(2);
  await happened(writer, "fill stored");
  expect(await node.read(my.thing)).toMatchObject({ ver: 2, from: "cache" });
});

test("a mark takes the lease away, before anybody can know what will be committed", async () => {
  const [node, writer] = my.pair;
  await node.write(my.thing, "one");
  const [reader, commit] = [createGate(), createGate()];
  node.hooks.step = (name) => (name === "read-loaded" ? reader.pass() : undefined);
  writer.hooks.step = (name) => (name === "write-marked" ? commit.pass() : undefined);
  const slow = node.read(my.thing);
  await reader.reached;
  const write = writer.write(my.thing, "two");
  await commit.reached;
  reader.open();
  await happened(node, "fill refused");
  expect((await slow).ver).toBe(1);
  commit.open();
  await write;
  expect((await node.read(my.thing)).ver).toBe(2);
});

test("while a writer holds the lock its object is read but not stored", async () => {
  const [node, writer] = my.pair;
  await node.write(my.thing, "one");
  const commit = createGate();
  writer.hooks.step = (name) => (name === "write-locked" ? commit.pass() : undefined);
  const write = writer.write(my.thing, "two");
  await commit.reached;
  expect(await node.read(my.thing)).toMatchObject({ ver: 1, from: "database" });
  expect(node.events).toContain("fill busy");
  commit.open();
  await write;
  expect((await node.read(my.thing)).ver).toBe(2);
});

test("a reader who found a writer in flight gives the lease back: the next one fills", async () => {
  const [node, writer] = my.pair;
  await node.write(my.thing, "one");
  const commit = createGate();
  writer.hooks.step = (name) => (name === "write-marked" ? commit.pass() : undefined);
  const write = writer.write(my.thing, "two");
  await commit.reached;
  // The writer has marked what was not there; nobody but the reader will take this lease away.
  await node.read(my.thing);
  await happened(node, "fill busy");
  await expect.poll(async () => (await my.header())?.leased).toBe(false);
  commit.open();
  await write;
  expect(await node.read(my.thing)).toMatchObject({ ver: 2, from: "database" });
  expect(eventsOf(node, "read")).toEqual(["read miss", "read miss"]);
  await happened(node, "fill stored");
});

test("nor after eviction between the mark and the commit, which nobody in Redis remembers", async () => {
  const [node, writer] = my.pair;
  await my.warm(node);
  const commit = createGate();
  writer.hooks.step = (name) => (name === "write-marked" ? commit.pass() : undefined);
  const write = writer.write(my.thing, "two");
  await commit.reached;
  await my.world.raw("FLUSHALL");
  expect((await node.read(my.thing)).ver).toBe(1);
  expect(node.events).toContain("fill busy");
  commit.open();
  await write;
  expect(await node.read(my.thing)).toMatchObject({ ver: 2, from: "database" });
});

test("what is marked and committed but not appended is read anew, and the late change changes nothing", async () => {
  const [node, writer] = my.pair;
  await my.warm(node);
  const post = createGate();
  writer.hooks.step = (name) => (name === "write-committed" ? post.pass() : undefined);
  const write = writer.write(my.thing, "two");
  await post.reached;
  expect(await node.read(my.thing)).toEqual({ ver: 2, value: ["one", "two"], from: "database" });
  await happened(node, "fill stored");
  post.open();
  await write;
  await expect.poll(() => writer.events).toContain("post done");
  expect(await node.read(my.thing)).toEqual({ ver: 2, value: ["one", "two"], from: "cache" });
});

test("a reader who meets a writer about to finish waits for it a moment", async () => {
  const [node, writer] = my.pair;
  await my.warm(node);
  const post = createGate();
  writer.hooks.redis = (name, send) => (name === "post" ? post.pass().then(send) : send());
  await writer.write(my.thing, "two");
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
  expect(await node.read(my.thing)).toEqual({ ver: 2, value: ["one", "two"], from: "cache" });
  expect([looks, node.loads()]).toEqual([3, 1]);
});

test("an entry that stays dirty is looked at four times, and then read anew", async () => {
  const [node] = my.pair;
  await my.warm(node);
  await my.forge(1, ["one"]);
  const pend = Buffer.alloc(8);
  pend.writeBigUInt64BE(2n);
  await my.raw("SETRANGE", 15, pend);
  let looks = 0;
  node.hooks.redis = (name, send) => {
    looks += Number(name === "GETRANGE");
    return send();
  };
  expect((await node.read(my.thing)).from).toBe("database");
  expect([looks, ...eventsOf(node, "read")]).toEqual([4, "read dirty"]);
  await happened(node, "fill stored");
  expect((await node.read(my.thing)).from).toBe("cache");
});

test("what memory has of another version is not used, whichever is newer", async () => {
  const [node, writer] = my.pair;
  await my.warm(node);
  for (let n = 0; n < 2; n++) await node.read(my.thing);
  await writer.write(my.thing, "two");
  await expect.poll(() => writer.events).toContain("post done");
  expect(await node.read(my.thing)).toEqual({ ver: 2, value: ["one", "two"], from: "cache" });
  expect(eventsOf(node, "read")).toEqual(["read hit", "read hit_l1", "read hit"]);
});

test("an entry older than what a node has seen is not served by it, and is replaced", async () => {
  const [node] = my.pair;
  await my.warm(node);
  await node.write(my.thing, "two");
  await node.read(my.thing);
  await my.forge(1, ["one"]);
  expect(await node.read(my.thing)).toMatchObject({ ver: 2, from: "database" });
  expect(eventsOf(node, "read").at(-1)).toBe("read dirty");
  await expect.poll(async () => (await my.header())?.ver).toBe(2);
});

test("a lease of which the answer was lost is given back, and the next reader fills", async () => {
  const [node, other] = my.pair;
  await node.write(my.thing, "one");
  const names: string[] = [];
  node.hooks.redis = async (name, send) => {
    const reply = await send();
    names.push(name);
    return name === "lease" ? unanswered() : reply;
  };
  expect((await node.read(my.thing)).from).toBe("database");
  await expect.poll(() => names).toEqual(["GETRANGE", "lease", "release"]);
  expect((await other.read(my.thing)).from).toBe("database");
  await happened(other, "fill stored");
});

test("a lease that nobody has heard of and nobody gives back: others read the database until it ends, then one fills", async () => {
  const [node, other] = my.pair;
  await node.write(my.thing, "one");
  node.hooks.redis = (name, send) => {
    if (name === "lease") return send().then(unanswered);
    return name === "release" ? unanswered() : send();
  };
  expect((await node.read(my.thing)).ver).toBe(1);
  expect(eventsOf(node, "read")).toEqual(["read lease_busy"]);
  expect((await other.read(my.thing)).from).toBe("database");
  expect(eventsOf(other, "read")).toEqual(["read lease_busy"]);
  // As if its time were over.
  await my.raw("SETRANGE", 34, Buffer.alloc(8));
  expect((await other.read(my.thing)).from).toBe("database");
  await happened(other, "fill stored");
  expect((await node.read(my.thing)).from).toBe("cache");
});

test("a lease that arrives after its reader has given up, and after a write, lets nothing old in", async () => {
  const [node, writer] = my.pair;
  await node.write(my.thing, "one");
  const late = createGate();
  let arrived: Promise<unknown> = Promise.resolve();
  node.hooks.redis = (name, send) => {
    if (name !== "lease") return send();
    arrived = late.pass().then(send);
    return unanswered();
  };
  expect((await node.read(my.thing)).ver).toBe(1);
  await writer.write(my.thing, "two");
  late.open();
  expect(await arrived).toBe(1);
  expect(eventsOf(node, "fill")).toEqual([]);
  expect((await writer.read(my.thing)).ver).toBe(2);
  expect((await my.header())?.hasBody).toBe(false);
});

test("an entry that soon expires is read anew by one, while all are served", async () => {
  const [node, other] = my.pair;
  await my.warm(node);
  const before = await my.header();
  for (const one of [node, other]) one.clock.ahead = 299_000;
  const all = await Promise.all(Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? node : other).read(my.thing)));
  expect(all.every(({ from, ver }) => from === "cache" && ver === 1)).toBe(true);
  await expect.poll(() => [...node.events, ...other.events].filter((event) => event === "fill stored")).toHaveLength(1);
  expect(node.loads() + other.loads()).toBe(2);
  expect((await my.header())?.until).toBeGreaterThan((before?.until ?? 0) + 200_000);
  await node.read(my.thing);
  expect(node.loads() + other.loads()).toBe(2);
});

test("what is kept becomes short again when much was appended to it, and no version is lost", async () => {
  const node = await my.world.open({ source: { maxRecords: 3, records: (items) => [items.join("/")], fold: joined } });
  await my.warm(node);
  for (const item of ["two", "three", "four", "five"]) {
    await node.write(my.thing, item);
    await expect.poll(() => eventsOf(node, "post")).not.toHaveLength(0);
  }
  await expect.poll(() => node.events).toContain("post compact");
  await expect.poll(async () => (await my.header())?.records).toBeLessThan(3);
  expect((await node.read(my.thing)).value).toEqual(["one", "two", "three", "four", "five"]);
  const other = await my.world.open({ source: { fold: joined } });
  expect(await other.read(my.thing)).toMatchObject({ ver: 5, from: "cache" });
});
const joined = (records: readonly unknown[]): string[] => records.flatMap((record) => String(record).split("/"));

test("a Redis that is slow at first is not waited for", async () => {
  const node = await my.world.open({ times: { hedgeMs: 1 } });
  await my.warm(node);
  const answer = createGate();
  node.hooks.redis = (name, send) => (name === "GETRANGE" ? answer.pass().then(send) : send());
  expect(await node.read(my.thing)).toMatchObject({ ver: 1, from: "database" });
  answer.open();
});

test("when the database sends a reader away whom Redis answers late, the late answer counts", async () => {
  const node = await my.world.open({ times: { hedgeMs: 1 } });
  await my.warm(node);
  const answer = createGate();
  node.hooks.redis = (name, send) => (name === "GETRANGE" ? answer.pass().then(send) : send());
  node.hooks.sql = (name, run) => {
    if (name !== "things.load") return run();
    answer.open();
    return Promise.reject(new OmError("unavailable"));
  };
  expect(await node.read(my.thing)).toMatchObject({ ver: 1, from: "cache" });
  node.hooks.redis = (name, send) => (name === "GETRANGE" ? unanswered() : send());
  await expect(node.read(my.thing)).rejects.toThrow(OmError);
});

test("a process that stood still does not take it for a slow Redis", async () => {
  const node = await my.world.open({ times: { hedgeMs: 4 } });
  await my.warm(node);
  // From here timers come before answers.
  await new Promise((resolve) => setImmediate(resolve));
  const found = node.read(my.thing);
  // The command has left; its answer waits until the process goes on.
  await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)));
  for (const end = performance.now() + 50; performance.now() < end;) my.world.redis.cli("PING");
  expect((await found).from).toBe("cache");
  expect(node.loads()).toBe(1);
});

test("a Redis that hangs costs nobody an answer; when it goes on, it is read again", async () => {
  const node = await my.world.open({ isFast: true });
  await node.write(my.thing, "one");
  my.world.redis.pause();
  try {
    const found = await Promise.all(Array.from({ length: 20 }, () => node.read(my.thing)));
    expect(found.every(({ ver, from }) => ver === 1 && from === "database")).toBe(true);
    expect(await node.write(my.thing, "two")).toBe(2);
    expect(await node.read(my.thing)).toMatchObject({ ver: 2, from: "database" });
  } finally {
    my.world.redis.resume();
  }
  await expect.poll(async () => (await node.read(my.thing)).from, { timeout: 10_000 }).toBe("cache");
  expect((await node.read(my.thing)).ver).toBe(2);
  expect(my.world.sql("select count(*) from cache_dirty where key like 'thing:%'")).toBe("0");
});
