import { afterEach, beforeEach, expect, test } from "vitest";
import type { ReadyCheck } from "../platform/redis/redis.ts";
import { startControl, type CacheControl } from "./control.ts";
import type { ControlStore, DirtyRow, ControlState } from "./control-store.ts";

let now = 0;
/** The tables behind the cache. */
let table: Omit<ControlState, "mode_age" | "dirty" | "dirty_count" | "any_node_ok"> & {
  changedAt: number;
  dirty: DirtyRow[];
  beats: Map<string, { at: number; isOk: boolean }>;
};
let nodes: CacheControl[] = [];

beforeEach(() => {
  now = 1_000_000;
  nodes = [];
  table = {
    epoch: 7,
    redis_identity: "redis 1",
    mode: "on",
    pg_now: "postgres 1",
    pg_run: "postgres 1",
    changedAt: 0,
    dirty: [],
    beats: new Map(),
  };
});
afterEach(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]();
});

function rows(count: number): DirtyRow[] {
  return Array.from({ length: count }, (_, id) => ({ id, key: `key ${id}`, ver: 1 }));
}

function turn(mode: "on" | "off"): void {
  if (table.mode === mode) return;
  table.mode = mode;
  table.changedAt = now;
}

/** What the statements of control-store.ts do. */
const store: ControlStore = {
  async poll() {
    const { epoch, redis_identity, mode, pg_now, pg_run, dirty } = table;
    const any_node_ok = [...table.beats.values()].some(({ at, isOk }) => isOk && at > now - 2_000);
    const counted = { dirty: dirty.slice(0, 5_000), dirty_count: Math.min(dirty.length, 50_001) };
    return { epoch, redis_identity, mode, pg_now, pg_run, mode_age: now - table.changedAt, any_node_ok, ...counted };
  },
  async beat(nodeId, isOk) {
    table.beats.set(nodeId, { at: now, isOk });
    return [];
  },
  async claim(identity) {
    if (table.redis_identity !== identity) Object.assign(table, { redis_identity: identity, epoch: table.epoch + 1 });
    return [];
  },
  async newRun(known) {
    if (table.pg_run !== known || table.pg_run === table.pg_now) return [];
    Object.assign(table, { pg_run: table.pg_now, epoch: table.epoch + 1_000 });
    return [];
  },
  async turnOn(identity) {
    if (table.mode === "off") Object.assign(table, { redis_identity: identity, epoch: table.epoch + 1 });
    turn("on");
    return [];
  },
  async turnOff() {
    turn("off");
    return [];
  },
  async removeDirty(ids) {
    table.dirty = table.dirty.filter(({ id }) => !ids.includes(id));
    return [];
  },
  async forgetDirty() {
    if (table.mode === "off" && table.changedAt < now - 5_000) table.dirty = [];
    return [];
  },
  isExplained: async () => false,
  versions: async () => undefined,
  probe: async () => [],
};

interface Node {
  control: CacheControl;
  redis: { usable: boolean; identity: string | undefined };
  /** Keys of which it knows that they are dirty. */
  known: Set<string>;
  /** Runs while it kills keys. */
  hooks: { killing: () => Promise<void> };
  /** What was forgotten, in order. */
  forgotten: string[];
  /** A new connection was made. */
  connect(identity: string): Promise<void>;
}

async function open(name: string, withRedis = true): Promise<Node> {
  const redis: Node["redis"] = { usable: false, identity: undefined };
  const checks: ReadyCheck[] = [];
  const forgotten: string[] = [];
  const known = new Set<string>();
  const hooks: Node["hooks"] = { killing: async () => undefined };
  const nobody = (): Promise<never> => Promise.reject(new Error("not asked"));
  const client = {
    get usable() {
      return redis.usable;
    },
    get identity() {
      return redis.identity;
    },
    breaker: "closed",
    call: nobody,
    script: nobody,
    onReady: (check: ReadyCheck) => void checks.push(check),
    onUsable: () => undefined,
    isSharded: false,
    start: () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  } as const;
  const control = await startControl({
    store,
    redis: withRedis ? client : undefined,
    nodeId: name,
    // Polls are made by hand.
    times: { pollMs: 1e9, idleMs: 1e9, freshMs: 1_000 },
    now: () => now,
    async relay(dirty) {
      for (const { key } of dirty) known.add(key);
      await hooks.killing();
      return redis.usable ? dirty.map(({ id }) => id) : [];
    },
    onEpoch: ({ isOtherRun }) => void forgotten.push(isOtherRun ? "versions" : "values"),
    onError(error) {
      throw error;
    },
  });
  nodes.push(control);
  const connect = async (identity: string): Promise<void> => {
    for (const check of checks) await check(identity, client);
    Object.assign(redis, { usable: true, identity });
  };
  if (withRedis) await connect("redis 1");
  return { control, redis, hooks, known, forgotten, connect };
}

/** All nodes look every 200 ms for so long. */
async function pass(ms: number, ...looking: Node[]): Promise<void> {
  const end = now + ms;
  for (; now < end; now += 200) for (const { control } of looking) await control.poll();
}

test("what was seen holds for a second; then Redis is not read until it is seen again", async () => {
  const { control } = await open("a");
  expect(control.readEpoch()).toBe(7);
  now += 1_000;
  expect(control.readEpoch()).toBe(7);
  now += 1;
  expect([control.readEpoch(), control.writeEpoch()]).toEqual([undefined, 7]);
  await control.poll();
  expect(control.readEpoch()).toBe(7);
});

test("a look is as old as its beginning", async () => {
  const { control } = await open("a");
  now += 2_000;
  const { poll } = store;
  store.poll = async () => {
    const seen = await poll();
    now += 800;
    return seen;
  };
  await control.poll();
  store.poll = poll;
  expect(control.readEpoch()).toBe(7);
  now += 300;
  expect(control.readEpoch()).toBeUndefined();
});

test("a look that comes back after a later one changes nothing", async () => {
  const node = await open("a");
  const { poll } = store;
  let answer: () => void = () => undefined;
  store.poll = async () => {
    const seen = await poll();
    await new Promise<void>((resolve) => (answer = resolve));
    return seen;
  };
  const slow = node.control.poll();
  store.poll = poll;
  now += 10;
  await node.connect("redis 2");
  expect(node.control.readEpoch()).toBe(8);
  answer();
  await slow;
  expect(node.control.readEpoch()).toBe(8);
  expect(node.forgotten).toEqual(["values"]);
});

test("a Redis that is not the one all others use is neither read nor marked", async () => {
  const [a, b] = [await open("a"), await open("b")];
  await b.connect("redis 2");
  await pass(200, a, b);
  expect([a.control.readEpoch(), a.control.writeEpoch()]).toEqual([undefined, null]);
  expect([b.control.readEpoch(), b.control.writeEpoch()]).toEqual([8, 8]);
});

test("the same Redis again is no new epoch", async () => {
  const node = await open("a");
  node.redis.usable = false;
  await pass(400, node);
  await node.connect("redis 1");
  expect([node.control.readEpoch(), table.epoch]).toEqual([7, 7]);
  expect(node.forgotten).toEqual([]);
});

test("another run of PostgreSQL is a new epoch, and its versions may have been given out before", async () => {
  const [a, b] = [await open("a"), await open("b")];
  table.pg_now = "postgres 2";
  await pass(200, a, b);
  expect(table).toMatchObject({ pg_run: "postgres 2", epoch: 1_007 });
  await pass(200, a, b);
  expect([a.control.readEpoch(), b.control.readEpoch()]).toEqual([1_007, 1_007]);
  expect(a.forgotten).toEqual(["versions", "values"]);
});

test("until it has one, Redis is not read", async () => {
  const { control } = await open("a");
  table.pg_now = "postgres 2";
  const { newRun } = store;
  store.newRun = async () => [];
  await control.poll();
  store.newRun = newRun;
  expect(control.readEpoch()).toBeUndefined();
});

test("it is turned on after three good looks, in a new epoch, by one of the nodes", async () => {
  table.mode = "off";
  table.redis_identity = "long gone";
  const [a, b] = [await open("a"), await open("b")];
  expect(table.epoch).toBe(8);
  await pass(400, a, b);
  expect(table.mode).toBe("off");
  expect([a.control.readEpoch(), a.control.writeEpoch()]).toEqual([undefined, null]);
  await pass(200, a, b);
  expect(table).toMatchObject({ mode: "on", epoch: 9, redis_identity: "redis 1" });
  await pass(200, a, b);
  expect([a.control.readEpoch(), b.control.readEpoch()]).toEqual([9, 9]);
});

test("as long as one node reaches Redis it stays on", async () => {
  const [a, b] = [await open("a"), await open("b")];
  b.redis.usable = false;
  await pass(10_000, a, b);
  expect(table.mode).toBe("on");
  expect([a.control.readEpoch(), b.control.readEpoch()]).toEqual([7, undefined]);
});

test("when nobody has reached Redis for two seconds it is turned off, and what was noted is forgotten later", async () => {
  const [a, b] = [await open("a"), await open("b")];
  await pass(1_000, a, b);
  a.redis.usable = b.redis.usable = false;
  table.dirty = rows(10);
  await pass(1_800, a, b);
  expect(table.mode).toBe("on");
  await pass(2_000, a, b);
  expect([table.mode, table.dirty.length]).toEqual(["off", 10]);
  await pass(6_000, a, b);
  expect([table.mode, table.dirty.length]).toEqual(["off", 0]);
  a.redis.usable = true;
  await pass(800, a, b);
  expect([table.mode, table.epoch]).toEqual(["on", 8]);
});

test("a node that vanishes without a word does not keep it on", async () => {
  const [, b] = [await open("a"), await open("b")];
  b.redis.usable = false;
  await pass(5_000, b);
  expect(table.mode).toBe("off");
});

test("when the Redis that is meant is nobody's any more, another one is", async () => {
  const [a, b] = [await open("a"), await open("b")];
  // Somebody claimed a Redis of his own and is gone.
  Object.assign(table, { redis_identity: "redis 9", epoch: 8 });
  await pass(1_000, a, b);
  expect([a.control.readEpoch(), b.control.writeEpoch()]).toEqual([undefined, null]);
  await pass(6_000, a, b);
  expect(table).toMatchObject({ mode: "on", redis_identity: "redis 1" });
  expect([a.control.readEpoch(), b.control.readEpoch()]).toEqual([table.epoch, table.epoch]);
  expect(table.epoch).toBeGreaterThan(8);
});

test("a node without Redis turns off what others have left on, and forgets what it noted meanwhile", async () => {
  const alone = await open("a", false);
  table.dirty = rows(10);
  expect([alone.control.readEpoch(), alone.control.writeEpoch()]).toEqual([undefined, null]);
  await pass(1_000, alone);
  expect(table.mode).toBe("on");
  await pass(2_000, alone);
  expect(table.mode).toBe("off");
  await pass(6_000, alone);
  expect([table.mode, table.dirty.length]).toEqual(["off", 0]);
});

test("a node without Redis leaves it on for those who reach theirs", async () => {
  const [alone, other] = [await open("a", false), await open("b")];
  await pass(10_000, other, alone);
  expect(table.mode).toBe("on");
});

test("rows of dead keys are removed by a node whose Redis is the one that is meant, and by no other", async () => {
  const [a, b] = [await open("a"), await open("b")];
  await b.connect("redis 2");
  await b.control.poll();
  table.dirty = rows(3);
  await a.control.poll();
  expect(table.dirty).toHaveLength(3);
  await b.control.poll();
  expect(table.dirty).toHaveLength(0);
});

test("kills that ended in another Redis than they began in remove no row", async () => {
  const node = await open("a");
  node.redis.identity = "redis 2";
  table.dirty = rows(3);
  node.hooks.killing = async () => void (node.redis.identity = "redis 1");
  await node.control.poll();
  expect(table.dirty).toHaveLength(3);
  await node.control.poll();
  expect(table.dirty).toHaveLength(0);
});

test("with more dirty rows than one look takes, Redis is not read: nobody knows what the others say", async () => {
  const node = await open("a");
  node.redis.usable = false;
  table.dirty = rows(5_001);
  await node.control.poll();
  node.redis.usable = true;
  expect([node.control.readEpoch(), node.control.writeEpoch()]).toEqual([undefined, 7]);
  await pass(400, node);
  expect([node.control.readEpoch(), table.dirty.length]).toEqual([7, 0]);
});

test("too many dirty rows turn it off once, until they are forgotten", async () => {
  const [a, b] = [await open("a"), await open("b")];
  table.dirty = rows(50_001 + 5_000);
  await pass(5_000, a, b);
  expect([table.mode, table.epoch]).toEqual(["off", 7]);
  await pass(2_000, a, b);
  expect([table.mode, table.epoch, table.dirty.length]).toEqual(["on", 8, 0]);
});

test("what is noted is known before a new connection is read", async () => {
  const node = await open("a");
  node.redis.usable = false;
  table.dirty = rows(2);
  await node.connect("redis 1");
  expect([node.control.readEpoch(), [...node.known]]).toEqual([7, ["key 0", "key 1"]]);
});
