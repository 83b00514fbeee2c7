import { afterEach, beforeEach, expect, test } from "vitest";
import { OmError } from "../platform/om-error.ts";
import { createLoader, type Loader, type LoaderOptions } from "./loader.ts";
import type { Loaded, Source } from "./source.ts";

/** What the loader did, in order: `probe <locks>`, `load <ids>`, `fill <id> <token>`, `busy <kind>`, `release <kind> <token>`, `shed`. */
let log: string[] = [];
/** Loads that wait to be answered, the oldest first. */
let loads: { ids: readonly number[]; answer: () => void; fail: (error: Error) => void }[] = [];
let now = 0;
let free: (lock: string) => boolean = () => true;
let unhandled: unknown[] = [];

const onUnhandled = (error: unknown): void => void unhandled.push(error);
beforeEach(() => {
  [log, loads, now, unhandled] = [[], [], 0, []];
  free = () => true;
  process.on("unhandledRejection", onUnhandled);
});
afterEach(async () => {
  await turns();
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});

/** Lets everything run that does not wait for anybody. */
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** Each load of an id tells how many of its loads had begun before. */
function source(name: Source<number, string>["name"]): Source<number, string> {
  const begun = new Map<number, number>();
  return {
    name,
    ttlMs: 1_000,
    maxBytes: 1_000,
    maxRecords: 1,
    key: (id) => `${name}:${id}`,
    lock: (id) => `lock of ${name} ${id}`,
    load(ids) {
      log.push(`load ${ids.map((id) => `${name}:${id}`).join(" ")}`);
      const rows = ids.map((id): Loaded<string> => {
        begun.set(id, (begun.get(id) ?? 0) + 1);
        return { ver: begun.get(id) ?? 0, value: `${name} ${id}` };
      });
      return new Promise((resolve, reject) => loads.push({ ids, answer: () => resolve(rows), fail: reject }));
    },
    records: (value) => [value],
    fold: ([value]) => String(value),
  };
}

function loader(options: Partial<LoaderOptions> = {}): Loader {
  return createLoader({
    parallel: 1,
    maxWaiting: 100,
    maxWaitMs: 1_000,
    now: () => now,
    async probe(locks) {
      log.push(`probe ${locks.join(", ")}`);
      return locks.map((lock) => free(lock));
    },
    fill: ({ name }, { id, token }) => void log.push(`fill ${name}:${String(id)} ${token.toString()}`),
    busy: ({ name }) => void log.push(`busy ${name}`),
    release: ({ name }, { token }) => void log.push(`release ${name} ${token.toString()}`),
    shed: () => void log.push("shed"),
    ...options,
  });
}

/** Answers the oldest load, and lets what follows happen. */
async function answer(): Promise<void> {
  loads.shift()?.answer();
  await turns();
}
const outcome = (load: Promise<Loaded<string>>): Promise<number | string> =>
  load.then(
    ({ ver }) => ver,
    (error: Error) => (error instanceof OmError ? error.code : error.message),
  );

test("whoever comes while a load runs gets the next one, together with all others who came", async () => {
  const [all, conv] = [loader({ parallel: 4 }), source("conv")];
  const first = all.load(conv, 1);
  await turns();
  const during = [all.load(conv, 1), all.load(conv, 1)];
  await turns();
  expect(log).toEqual(["load conv:1"]);
  await answer();
  expect((await first).ver).toBe(1);
  const later = all.load(conv, 1);
  await turns();
  await answer();
  expect(await Promise.all(during.map(outcome))).toEqual([2, 2]);
  await answer();
  expect((await later).ver).toBe(3);
  expect(all.waiting()).toBe(0);
});

test("callers of one moment share a load", async () => {
  const [all, conv] = [loader(), source("conv")];
  const both = [all.load(conv, 1), all.load(conv, 1)];
  await turns();
  await answer();
  expect(await Promise.all(both.map(outcome))).toEqual([1, 1]);
  expect(log).toEqual(["load conv:1"]);
});

test("a key that is asked for all the time takes one slot; the others go on", async () => {
  const [all, conv] = [loader({ parallel: 2 }), source("conv")];
  const hot = [all.load(conv, 1)];
  await turns();
  hot.push(all.load(conv, 1));
  await turns();
  const other = all.load(conv, 2);
  await turns();
  expect(log).toEqual(["load conv:1", "load conv:2"]);
  await answer();
  await answer();
  expect((await other).ver).toBe(1);
  await answer();
  expect(await Promise.all(hot.map(outcome))).toEqual([1, 2]);
});

test("what comes while all slots are taken is one statement per kind, in turn", async () => {
  const [all, conv, member] = [loader(), source("conv"), source("member")];
  const first = all.load(conv, 1);
  await turns();
  const rest = [all.load(conv, 2), all.load(member, 1), all.load(conv, 3), all.load(member, 2), all.load(conv, 1)];
  await answer();
  await first;
  await answer();
  await answer();
  expect(await Promise.all(rest.map(outcome))).toEqual([1, 1, 1, 1, 2]);
  expect(log).toEqual(["load conv:1", "load conv:2 conv:3 conv:1", "load member:1 member:2"]);
});

test("a kind with many wishes does not keep the others waiting", async () => {
  const [all, conv, member] = [loader({ maxWaiting: 1_000 }), source("conv"), source("member")];
  const many = Array.from({ length: 200 }, (_, id) => all.load(conv, id));
  const one = all.load(member, 1);
  await turns();
  for (let statement = 0; statement < 5; statement++) await answer();
  expect((await one).ver).toBe(1);
  await Promise.all(many);
  expect(log.map((line) => line.split(" ").length - 1)).toEqual([64, 1, 64, 64, 8]);
});

test("when too many wait, the next is told to come back, but not who wants what is waited for", async () => {
  const [all, conv] = [loader({ maxWaiting: 2 }), source("conv")];
  const running = all.load(conv, 1);
  await turns();
  const waiting = [all.load(conv, 2), all.load(conv, 3)];
  expect(await outcome(all.load(conv, 4))).toBe("unavailable");
  waiting.push(all.load(conv, 3));
  await turns();
  expect(log).toEqual(["load conv:1", "shed"]);
  await answer();
  await answer();
  expect(await Promise.all([running, ...waiting].map(outcome))).toEqual([1, 1, 1, 1]);
  const free = all.load(conv, 4);
  await turns();
  await answer();
  expect((await free).ver).toBe(1);
});

test("whoever has waited for too long is told to come back; those behind are read", async () => {
  const [all, conv] = [loader(), source("conv")];
  const running = all.load(conv, 1);
  await turns();
  const late = outcome(all.load(conv, 2));
  now = 600;
  const inTime = all.load(conv, 3);
  now = 1_001;
  await answer();
  expect(await late).toBe("unavailable");
  await answer();
  expect(await Promise.all([running, inTime].map(outcome))).toEqual([1, 1]);
  expect(log).toEqual(["load conv:1", "shed", "load conv:3"]);
});

test("when all of a batch came too late, the slot is free for the next", async () => {
  const [all, conv] = [loader(), source("conv")];
  void all.load(conv, 1);
  await turns();
  const late = outcome(all.load(conv, 2));
  now = 2_000;
  await answer();
  expect(await late).toBe("unavailable");
  const next = all.load(conv, 2);
  await turns();
  await answer();
  expect((await next).ver).toBe(1);
});

test("a load that fails fails for its callers alone", async () => {
  const [all, conv, member] = [loader(), source("conv"), source("member")];
  const failing = [all.load(conv, 1), all.load(conv, 1), all.load(conv, 2)].map(outcome);
  const others = [all.load(member, 1)];
  await turns();
  others.push(all.load(conv, 1));
  loads.shift()?.fail(new Error("broken"));
  await turns();
  await answer();
  await answer();
  expect(await Promise.all(failing)).toEqual(["broken", "broken", "broken"]);
  expect(await Promise.all(others.map(outcome))).toEqual([1, 2]);
});

test("nobody has to listen to a load that fails", async () => {
  const [all, conv] = [loader(), source("conv")];
  const mine = all.load(conv, 1);
  mine.catch(() => undefined);
  await turns();
  loads.shift()?.fail(new Error("broken"));
  await turns();
  expect(await outcome(mine)).toBe("broken");
});

test("a source that has no row for an id fails for that one, and is not filled in", async () => {
  const [all, conv] = [loader(), source("conv")];
  const short: typeof conv = { ...conv, load: async () => [{ ver: 4, value: "only one" }] };
  const both = [all.load(short, 1), all.load(short, 2, Buffer.from("token"))];
  expect(await Promise.all(both.map(outcome))).toEqual([4, "conv: a row for every id is needed"]);
  expect(log).toEqual(["probe lock of conv 2", "release conv token"]);
});

test("whoever is sent away, or waits in vain, gives the lease back", async () => {
  const [all, conv] = [loader({ maxWaiting: 1 }), source("conv")];
  const first = all.load(conv, 1);
  await turns();
  const late = outcome(all.load(conv, 2, Buffer.from("late")));
  expect(await outcome(all.load(conv, 3, Buffer.from("away")))).toBe("unavailable");
  expect(log.at(-1)).toBe("release conv away");
  now += 1_001;
  loads.shift()?.answer();
  await turns();
  expect([await outcome(first), await late]).toEqual([1, "unavailable"]);
  expect(log.at(-1)).toBe("release conv late");
});

test("the locks of those who may fill are probed before the rows are read; only free ones are filled", async () => {
  const [all, conv] = [loader(), source("conv")];
  free = (lock) => lock !== "lock of conv 3";
  const tokens = [undefined, Buffer.from("second"), Buffer.from("third"), Buffer.from("fourth")];
  const reads = tokens.map((token, index) => all.load(conv, index + 1, token));
  await turns();
  const asked = ["probe lock of conv 2, lock of conv 3, lock of conv 4", "load conv:1 conv:2 conv:3 conv:4"];
  expect(log).toEqual(asked);
  await answer();
  expect(await Promise.all(reads.map(outcome))).toEqual([1, 1, 1, 1]);
  expect(log).toEqual([...asked, "fill conv:2 second", "busy conv", "fill conv:4 fourth"]);
});

test("without a right to fill nothing is probed", async () => {
  const [all, conv] = [loader(), source("conv")];
  void all.load(conv, 1);
  await turns();
  await answer();
  expect(log).toEqual(["load conv:1"]);
});

test("who joins a wish brings the right to fill along; the newest one counts", async () => {
  const [all, conv] = [loader(), source("conv")];
  void all.load(conv, 9);
  await turns();
  const reads = [all.load(conv, 1), all.load(conv, 1, Buffer.from("old")), all.load(conv, 1, Buffer.from("new"))];
  void all.load(conv, 1);
  await answer();
  await answer();
  expect(await Promise.all(reads.map(outcome))).toEqual([1, 1, 1]);
  expect(log).toEqual(["load conv:9", "probe lock of conv 1", "load conv:1", "fill conv:1 new"]);
});

test("a right to fill is not used by a load that had begun before it was given", async () => {
  const [all, conv] = [loader(), source("conv")];
  void all.load(conv, 1);
  await turns();
  void all.load(conv, 1, Buffer.from("late"));
  await answer();
  expect(log).toEqual(["load conv:1", "probe lock of conv 1", "load conv:1"]);
  await answer();
  expect(log.at(-1)).toBe("fill conv:1 late");
});

test("a probe that fails fails the read: rows read without it could not be trusted by anybody", async () => {
  const [all, conv] = [loader({ probe: () => Promise.reject(new Error("no database")) }), source("conv")];
  expect(await outcome(all.load(conv, 1, Buffer.from("token")))).toBe("no database");
  const next = all.load(conv, 1);
  await turns();
  await answer();
  expect((await next).ver).toBe(1);
});
