import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { packEntry, readHeader, type Header } from "../cache/entry.ts";
import type { Arg, Reply } from "../platform/redis/redis.ts";
import { startCacheWorld, type CacheNode, type CacheWorld } from "./cache-world.ts";

/** What the tests of one file share, from the first of them on. */
export interface Things {
  readonly world: CacheWorld;
  /** The name of a thing of this test's own; Redis is empty when the test begins. */
  readonly thing: string;
  /** A command to Redis about the thing's key. */
  raw(command: string, ...args: Arg[]): Promise<Reply>;
  /** Of the thing's entry; undefined: there is none. */
  header(): Promise<Header | undefined>;
  /** How often the thing is noted as dirty. */
  dirtyRows(): string;
  /** Puts a clean entry of the present epoch there that no writer and no reader would have left; by default with numbers as items. */
  forge(ver: number, records?: readonly unknown[]): Promise<void>;
  /** Makes version 1 of the thing, of which the node fills in the entry; nothing else has happened to it then. */
  warm(node: CacheNode): Promise<void>;
}

export interface SharedThings extends Things {
  /** Two nodes that are there for all tests. */
  readonly pair: readonly [CacheNode, CacheNode];
}

/** At the top of a file of tests. */
export function setUpThings(): Things {
  let started: CacheWorld | undefined;
  let count = 0;
  beforeAll(async () => {
    started = await startCacheWorld();
  });
  afterAll(() => started?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    count += 1;
    await my.world.raw("FLUSHALL");
  });
  const my: Things = {
    get world() {
      return ready(started);
    },
    get thing() {
      return `thing ${count}`;
    },
    raw: (command, ...args) => my.world.raw(command, `thing:${my.thing}`, ...args),
    header: async () => readHeader((await my.raw("GETRANGE", 0, 47)) as Buffer),
    dirtyRows: () => my.world.sql(`select count(*) from cache_dirty where key = 'thing:${my.thing}'`),
    async forge(ver, records = Array.from({ length: ver }, (_, n) => String(n))) {
      const { epoch } = my.world.control();
      await my.raw("SET", packEntry({ ver, epoch, until: Date.now() + 200_000, records }), "PX", 200_000);
    },
    async warm(node) {
      await node.write(my.thing, "one");
      await node.read(my.thing);
      await happened(node, "fill stored");
      node.events.length = 0;
    },
  };
  return my;
}

/** The same, with nodes that stay: they begin every test with nothing held up. */
export function setUpSharedThings(): SharedThings {
  const things = setUpThings();
  let pair: SharedThings["pair"] | undefined;
  beforeAll(async () => {
    pair = [await things.world.open(), await things.world.open()];
  });
  beforeEach(() => {
    for (const node of ready(pair)) node.reset();
  });
  return Object.defineProperty(things, "pair", { get: () => ready(pair) }) as SharedThings;
}

function ready<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the tests have not begun");
  return value;
}

/** Waits until something has happened to a node as often as this, such as `fill stored`. */
export const happened = (node: CacheNode, event: string, times = 1): Promise<void> =>
  expect.poll(() => node.events.filter((one) => one === event)).toHaveLength(times);

/** What happened to a node of one kind, such as `read`. */
export const eventsOf = (node: CacheNode, kind: string): string[] =>
  node.events.filter((event) => event.startsWith(`${kind} `));
