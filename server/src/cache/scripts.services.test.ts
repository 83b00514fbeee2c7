import { encode } from "@msgpack/msgpack";
import { startRedis, type RedisServer } from "@om/services";
import fc from "fast-check";
import { Redis as Driver } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Arg, Reply } from "../platform/redis/redis.ts";
import {
  contentOf,
  entryRules,
  leaseMs,
  longest,
  most,
  type Content,
  type ModelEntry,
} from "../../tests/fixtures/entry-model.ts";
import { packEntry, packRecords } from "./entry.ts";
import { scripts } from "./scripts.ts";

let server: RedisServer;
// Without the deadlines of ours: a slow machine must not change what is tested.
let redis: Driver;
const call = (command: string, ...args: Arg[]): Promise<Reply> => redis.callBuffer(command, args) as Promise<Reply>;
const run = (name: keyof typeof scripts, on: readonly string[], ...args: Arg[]): Promise<Reply> =>
  call("EVAL", scripts[name].source, on.length, ...on, ...args);

beforeAll(async () => {
  server = await startRedis();
  redis = new Driver(server.port, "127.0.0.1");
});
afterAll(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});
beforeEach(() => call("FLUSHALL"));

async function contentUnder(key: string): Promise<Content> {
  const type = String(await call("TYPE", key));
  if (type === "none") return undefined;
  if (type !== "string") return { is: "foreign", what: type };
  const [bytes, ttl, time] = await Promise.all([call("GET", key), call("PTTL", key), call("TIME")]);
  return contentOf(bytes as Buffer, { ttl: Number(ttl), now: Number((time as Buffer[])[0]) * 1_000 });
}

/** Equal, but for the time that has passed since the TTL was given. */
function expectSame(found: Content, expected: Content): void {
  if (found?.is !== "entry" || expected?.is !== "entry") return expect(found).toEqual(expected);
  expect(found).toEqual({ ...expected, ttl: found.ttl });
  const since = expected.ttl - found.ttl;
  expect(since >= 0 && since < 15_000, `${found.ttl} ms are left of ${expected.ttl}`).toBe(true);
}

/** What the original server kept under the same keys. */
const ofTheFirstServer = Buffer.from(encode([{ id: 9, sender_id: 1, content: "hello", created_at: "2024-01-02" }]));
const foreigners: Record<string, Buffer | "list" | "set"> = {
  list: "list",
  set: "set",
  "messages of the first server": ofTheFirstServer,
  "half a header": packEntry({ ver: 3, epoch: 7, until: 9, records: ["gone"] }).subarray(0, 47),
  "one byte of ours": Buffer.from([0xdd]),
};

async function putForeign(key: string, what: Buffer | "list" | "set"): Promise<Content> {
  await call("DEL", key);
  if (Buffer.isBuffer(what)) await call("SET", key, what);
  else await call(what === "list" ? "RPUSH" : "SADD", key, "a", "b");
  return { is: "foreign", what };
}

const keys = ["conv:1:2", "conv:1:3"] as const;
const tokenOf = (n: number): Buffer => Buffer.from([0, n, 255, 10, 13, 0, n, 128]);
const pick = { at: fc.nat(1), epoch: fc.oneof({ weight: 6, arbitrary: fc.constant(7) }, fc.constant(8)) };
const pickMany = { ...pick, at: fc.constantFrom([0], [1], [0, 1], [0, 0], [1, 0, 1]) };
/** Beside the version that is there. */
const ver = fc.constantFrom(-1, 0, 0, 1, 1, 2);
const token = fc.integer({ min: 1, max: 3 });
const made = {
  records: fc.array(fc.oneof(fc.nat(9), fc.string({ maxLength: 40 })), { maxLength: 3 }),
  // Other than those of leases, and far enough apart to be told from each other.
  ttl: fc.constantFrom(60_000, 120_000, 300_000),
};
const does = <N extends string, T extends object>(name: N, model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model).map((args) => ({ name, ...args }));
const often = <T>(arbitrary: fc.Arbitrary<T>): fc.WeightedArbitrary<T> => ({ weight: 6, arbitrary });
const seldom = <T>(arbitrary: fc.Arbitrary<T>): fc.WeightedArbitrary<T> => ({ weight: 1, arbitrary });
const steps = fc.oneof(
  often(does("mark", { ...pickMany, ver })),
  often(does("lease", { ...pick, token, least: ver, refill: fc.boolean() })),
  often(does("fill", { ...pick, token, ver, ...made })),
  often(does("post", { ...pickMany, ver, by: fc.integer({ min: 1, max: 2 }), ...made })),
  often(does("compact", { ...pick, ver, ...made })),
  seldom(does("expire", { at: fc.nat(1) })),
  seldom(does("evict", { at: fc.nat(1) })),
  seldom(does("put", { at: fc.nat(1), what: fc.constantFrom(...Object.values(foreigners)) })),
);
type Step = typeof steps extends fc.Arbitrary<infer S> ? S : never;

/** The keys as they should be, and where the versions of this run begin. */
interface Expected {
  contents: Content[];
  base: number;
}

/** Where a step's versions count from. */
function versionAt({ contents, base }: Expected, at: number | undefined): number {
  const content = contents[at ?? 0];
  return content?.is === "entry" && content.hasBody ? content.ver : base;
}

/** An entry as it is made to be kept, and its bytes. */
function makeEntry(
  step: { records: readonly unknown[]; epoch: number; ttl: number },
  ver: number,
): [Buffer, ModelEntry] {
  const bytes = packEntry({ ver, epoch: step.epoch, until: 5_000 + (ver % 1_000), records: step.records });
  const entry = contentOf(bytes, { ttl: step.ttl, now: Number.POSITIVE_INFINITY });
  if (entry?.is !== "entry") throw new Error("what the cache makes is no entry");
  return [bytes, entry];
}

/** Does one step in Redis and in the model, and compares what both answer. */
async function take(step: Step, expectation: Expected): Promise<void> {
  const { contents } = expectation;
  const now = versionAt(expectation, typeof step.at === "number" ? step.at : step.at[0]);
  const ver = Math.max(0, "ver" in step ? now + step.ver : 0);
  if (step.name === "mark") {
    const all = step.at.map((_, index) => ver + index);
    const bodies = await run("mark", step.at.map(nameOf), step.epoch, ...all);
    for (const [index, at] of step.at.entries()) {
      const marked = entryRules.mark(contents[at], { epoch: step.epoch, ver: ver + index });
      expect(String(bodies)[index]).toBe(marked?.is === "entry" && marked.hasBody ? "1" : "0");
      contents[at] = marked;
    }
    return;
  }
  if (step.name === "post") return takePost(step, contents, now);
  const { at } = step;
  const key = nameOf(at);
  const content = contents[at];
  let [reply, expected]: [Reply, unknown] = [0, 0];
  if (step.name === "lease") {
    const least = Math.max(0, now + step.least);
    const args = [step.epoch, tokenOf(step.token), leaseMs, least, longest, step.refill ? 1 : 0];
    const value = await call("TYPE", key).then((type) => (String(type) === "string" ? call("GET", key) : null));
    reply = await run("lease", [key], ...args);
    const answer = entryRules.lease(content, { ...step, token: tokenOf(step.token).toString("hex"), least });
    [expected, contents[at]] = [answer[0] === "value" ? value : answer[0], answer[1]];
  } else if (step.name === "fill") {
    const [bytes, entry] = makeEntry(step, ver);
    reply = await run("fill", [key], step.epoch, tokenOf(step.token), bytes, step.ttl);
    const ask = { epoch: step.epoch, token: tokenOf(step.token).toString("hex"), made: entry };
    [expected, contents[at]] = entryRules.fill(content, ask);
  } else if (step.name === "compact") {
    const [bytes, entry] = makeEntry(step, ver);
    reply = await run("compact", [key], step.epoch, ver, bytes, step.ttl);
    [expected, contents[at]] = entryRules.compact(content, { epoch: step.epoch, ver, made: entry });
  } else if (step.name === "put") {
    contents[at] = await putForeign(key, step.what);
  } else if (step.name === "evict") {
    await call("DEL", key);
    contents[at] = undefined;
  } else if (content?.is === "entry") {
    await call("SETRANGE", key, 34, Buffer.from("0000000000000001", "hex"));
    contents[at] = { ...content, until: 1 };
  }
  expect(reply).toEqual(expected);
}

async function takePost(step: Step & { name: "post" }, contents: Content[], now: number): Promise<void> {
  const { epoch, by, records, ttl } = step;
  const posts = step.at.map((_, index) => ({
    prev: Math.max(0, now + step.ver) + index * by,
    ver: Math.max(0, now + step.ver) + (index + 1) * by,
  }));
  const body = packRecords(records);
  const args = posts.flatMap(({ prev, ver }) => [
    prev,
    ver,
    records.length,
    body,
    ttl,
    longest / 2,
    most,
    70_000 + (ver % 1_000),
  ]);
  const replies = await run("post", step.at.map(nameOf), epoch, ...args);
  const expected = step.at.map((at, index) => {
    const { prev, ver } = posts[index] ?? { prev: 0, ver: 0 };
    const more = { ver, count: records.length, body, ttl, until: 70_000 + (ver % 1_000) };
    const [reply, next] = entryRules.post(contents[at], { epoch, prev, more });
    contents[at] = next;
    return reply;
  });
  expect(replies).toEqual(expected);
}

const nameOf = (at: number): string => keys[at] ?? "";

test("any sequence of calls does what the model does, also with the greatest versions", async () => {
  const bases = fc.constantFrom(0, 1_000, Number.MAX_SAFE_INTEGER - 1_000);
  await fc.assert(
    fc.asyncProperty(bases, fc.array(steps, { minLength: 5, maxLength: 40 }), async (base, sequence) => {
      const expected: Expected = { contents: [], base };
      for (const [at, key] of keys.entries()) {
        const [bytes, entry] = makeEntry({ records: ["first"], epoch: 7, ttl: 200_000 }, base + 2);
        await call("SET", key, bytes, "PX", entry.ttl);
        expected.contents[at] = entry;
      }
      for (const step of sequence) {
        await take(step, expected);
        for (const [at, content] of expected.contents.entries()) expectSame(await contentUnder(nameOf(at)), content);
      }
    }),
    { numRuns: 150 },
  );
});

const [key] = keys;
const aToken = tokenOf(1);
const lease = (epoch: number, token: Buffer, refill = 0): Promise<Reply> =>
  run("lease", [key], epoch, token, leaseMs, 0, longest, refill);
const entry = (ver: number, records: unknown[] = []): Buffer => packEntry({ ver, epoch: 7, until: 1, records });

describe.each(Object.entries(foreigners))("%s under the key", (_, what) => {
  test("is deleted by a mark", async () => {
    await putForeign(key, what);
    expect(String(await run("mark", [key], 7, 5))).toBe("0");
    expect(await contentUnder(key)).toBeUndefined();
  });

  test("gives way to whoever wants to fill", async () => {
    await putForeign(key, what);
    expect(await lease(7, aToken)).toBe(1);
    expect(await run("fill", [key], 7, aToken, entry(5), 60_000)).toBe(1);
    expect(await lease(7, aToken)).toEqual(entry(5));
  });

  test("is left alone by those who only go on with an entry", async () => {
    const content = await putForeign(key, what);
    expect(await run("fill", [key], 7, aToken, entry(5), 60_000)).toBe(0);
    expect(await run("post", [key], 7, 4, 5, 0, "", 60_000, longest, most, 1)).toEqual([0]);
    expect(await run("compact", [key], 7, 5, entry(5), 60_000)).toBe(0);
    expect(await contentUnder(key)).toEqual(content);
  });
});

test("ten megabytes are no entry, whatever they begin with", async () => {
  const putHuge = async (start: Buffer): Promise<void> => {
    await call("SET", key, start);
    await call("SETRANGE", key, 9_999_999, "x");
  };
  for (const start of [ofTheFirstServer, entry(3)]) {
    await putHuge(start);
    expect(await lease(7, aToken)).toBe(1);
    expect(await call("STRLEN", key)).toBe(48);
    await putHuge(start);
    await run("mark", [key], 7, 4);
    const left = await call("GETRANGE", key, 0, 47);
    // What begins like an entry is dirty then, and anything else is gone.
    expect(left).toEqual(start === ofTheFirstServer ? Buffer.alloc(0) : dirty(entry(3), 4));
  }
});

function dirty(clean: Buffer, pend: number): Buffer {
  const bytes = Buffer.from(clean);
  bytes.writeBigUInt64BE(BigInt(pend), 15);
  return bytes;
}

test("a lease is one reader's until it ends, and then the next one's; the first cannot fill any more", async () => {
  expect(await lease(7, tokenOf(1))).toBe(1);
  expect(await lease(7, tokenOf(2))).toBe(0);
  await call("SETRANGE", key, 34, Buffer.from("0000000000000001", "hex"));
  expect(await lease(7, tokenOf(2))).toBe(1);
  expect(await run("fill", [key], 7, tokenOf(1), entry(5), 60_000)).toBe(0);
  expect(await run("fill", [key], 7, tokenOf(2), entry(5), 60_000)).toBe(1);
});

test("a lease that ends later than any lease can is none: the clock has gone back, or it was never ours", async () => {
  await lease(7, tokenOf(1));
  for (const end of [BigInt(Date.now()) + 3_600_000n, 2n ** 63n]) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(end);
    await call("SETRANGE", key, 34, bytes);
    expect(await lease(7, tokenOf(2))).toBe(1);
  }
});

test("a lease is given back by its holder alone, and the next reader gets it at once", async () => {
  await lease(7, tokenOf(1));
  expect(await run("release", [key], tokenOf(2))).toBe(0);
  expect(await lease(7, tokenOf(2))).toBe(0);
  expect(await run("release", [key], tokenOf(1))).toBe(1);
  expect(await run("fill", [key], 7, tokenOf(1), entry(5), 60_000)).toBe(0);
  expect(await lease(7, tokenOf(2))).toBe(1);
  expect(await run("fill", [key], 7, tokenOf(2), entry(5), 60_000)).toBe(1);
  // What can be served stays as it is, and so does what is absent or foreign.
  expect(await run("release", [key], tokenOf(2))).toBe(0);
  expect(await lease(7, tokenOf(3))).toEqual(entry(5));
  for (const foreign of Object.values(foreigners)) {
    await putForeign(key, foreign);
    expect(await run("release", [key], Buffer.alloc(8))).toBe(0);
  }
  await call("DEL", key);
  expect([await run("release", [key], tokenOf(1)), await call("EXISTS", key)]).toEqual([0, 0]);
});

test("the heads of many are their first 48 bytes, whatever lies there, and no entry is changed", async () => {
  const whole = entry(5, ["a record"]);
  await call("SET", "conv:a", whole);
  await call("RPUSH", "conv:b", "of somebody else");
  await call("SET", "conv:c", "short");
  await call("SET", "conv:d", Buffer.alloc(10_000_000, 1));
  const asked = ["conv:a", "conv:b", "conv:c", "conv:d", "conv:e"];
  const heads = [whole.subarray(0, 48), "", "short".padEnd(48), Buffer.alloc(48, 1), ""];
  const text = Buffer.concat(heads.map((head) => (head === "" ? Buffer.alloc(48, " ") : Buffer.from(head))));
  expect(await run("look", asked, asked.length)).toEqual(text);
  expect(await call("GET", "conv:a")).toEqual(whole);
});

test("marking destroys the lease, so what was read before is not stored", async () => {
  await lease(7, aToken);
  await run("mark", [key], 7, 6);
  expect(await run("fill", [key], 7, aToken, entry(5), 60_000)).toBe(0);
  expect(await call("GETRANGE", key, 47, 47)).toEqual(Buffer.from([0xc2]));
});

test("a change that comes out of turn leaves the entry dirty; in turn, they make it clean again", async () => {
  await call("SET", key, entry(5, ["five"]), "PX", 50_000);
  await run("mark", [key], 7, 6);
  await run("mark", [key], 7, 7);
  const post = (prev: number): Promise<Reply> =>
    run("post", [key], 7, prev, prev + 1, 1, packRecords([`after ${prev}`]), 60_000, longest, most, 1);
  expect(await post(6)).toEqual([-1]);
  expect(await post(5)).toEqual([3]);
  expect(await lease(7, aToken)).toBe(1);
  expect(await post(5)).toEqual([1]);
  expect(await post(6)).toEqual([3]);
  const now = packEntry({ ver: 7, epoch: 7, until: 1, records: ["five", "after 5", "after 6"] });
  expect(await lease(7, aToken)).toEqual(now);
  // Whoever had leased it meanwhile has older rows.
  expect(await run("fill", [key], 7, aToken, entry(6), 60_000)).toBe(0);
});

test("two changes of one key in one call go on from each other", async () => {
  await call("SET", key, entry(5), "PX", 50_000);
  expect(String(await run("mark", [key, key], 7, 6, 7))).toBe("11");
  const [first, second] = ["a", "b"].map((text) => packRecords([text]));
  const rest = [60_000, longest, most, 1] as const;
  expect(await run("post", [key, key], 7, 5, 6, 1, first ?? "", ...rest, 6, 7, 1, second ?? "", ...rest)).toEqual([
    3, 3,
  ]);
  expect(await lease(7, aToken)).toEqual(packEntry({ ver: 7, epoch: 7, until: 1, records: ["a", "b"] }));
});

test("a negative entry holds that there is nothing, and a mark ends it", async () => {
  await lease(7, aToken);
  expect(await run("fill", [key], 7, aToken, entry(0), 60_000)).toBe(1);
  expect(await lease(7, aToken)).toEqual(entry(0));
  await run("mark", [key], 7, 1);
  expect(await lease(7, tokenOf(2))).toBe(1);
});
