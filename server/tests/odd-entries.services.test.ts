import { encode } from "@msgpack/msgpack";
import { Redis as Driver } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packEntry, readHeader } from "../src/cache/entry.ts";
import { readsOf, startServerPair, type ServerPair, type Person } from "./fixtures/server-pair.ts";

// What may lie under the keys of ours, written by the first server, by hand, by a fault or by somebody who means no good.

let pair: ServerPair;
let raw: Driver;
let [ada, ben]: Person[] = [];
let group = 0;
beforeAll(async () => {
  pair = await startServerPair();
  raw = new Driver(pair.redis.port, "127.0.0.1");
  const [one, two] = await pair.people("ada", "ben");
  if (one === undefined || two === undefined) throw new Error("nobody there");
  [ada, ben] = [one, two];
  group = Number((await pair.ask(one, "POST", "/api/groups", { name: "A group" }))["id"]);
  await pair.ask(one, "POST", `/api/groups/${group}/members`, { user_id: two.id });
  for (let n = 0; n < 3; n++) {
    await pair.ask(two, "POST", "/api/messages", { recipient_id: one.id, content: `hello ${n}` });
    await pair.ask(two, "POST", `/api/groups/${group}/messages`, { client_id: `${n}`, content: `hello all ${n}` });
  }
});
afterAll(async () => {
  raw.disconnect();
  await pair[Symbol.asyncDispose]();
});

/** @param isNew no answer that was kept is given */
const told = async (by: "live" | "plain", isNew = true): Promise<unknown> => {
  if (ada === undefined || ben === undefined) throw new Error("nobody there");
  const about = { people: [ada, ben], groups: [group], isNew };
  return Promise.all([ada, ben].map((who) => readsOf(pair[by], who, about)));
};

/** What everybody is told, until Redis has entries of all of it: their keys and bytes. */
async function entries(): Promise<[string, Buffer][]> {
  for (;;) {
    await told("live");
    const keys = await raw.keys("*");
    const cached = keys.filter((key) => /^(conv|group|member|convlist|unread|profile):(?!ver$)/.test(key)).toSorted();
    const found = await Promise.all(cached.map(async (key): Promise<[string, Buffer]> => [key, await bytesOf(key)]));
    const clean = found.filter(([, bytes]) => readHeader(bytes)?.hasBody === true);
    if (clean.length === found.length && found.length > 8) return found;
  }
}
const bytesOf = async (key: string): Promise<Buffer> =>
  (await raw.type(key)) === "string" ? ((await raw.getBuffer(key)) ?? Buffer.alloc(0)) : Buffer.alloc(0);

function flipped(entry: Buffer, at: number): Buffer {
  const bytes = Buffer.from(entry);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  return bytes;
}

/** An entry of this version and epoch with other records. */
function forged(entry: Buffer, records: readonly unknown[]): Buffer {
  const { ver = 0, epoch = 0 } = readHeader(entry) ?? {};
  return packEntry({ ver, epoch, until: Date.now() + 60_000, records });
}

const odd: Record<string, (key: string, entry: Buffer) => Promise<unknown>> = {
  "a list": (key) => raw.rpush(key, "x"),
  "a set": (key) => raw.sadd(key, "x"),
  "a sorted set": (key) => raw.zadd(key, 1, "x"),
  "a stream": (key) => raw.xadd(key, "*", "a", "b"),
  "messages of the first server": (key) =>
    raw.set(key, Buffer.from(encode([{ id: 9, sender_id: 1, recipient_id: 2, content: "of long ago" }]))),
  "ten megabytes": (key) => raw.setrange(key, 9_999_999, "x"),
  "ten megabytes that begin like an entry": async (key, entry) => {
    await raw.set(key, entry);
    await raw.setrange(key, 9_999_999, "x");
  },
  "half a header": (key, entry) => raw.set(key, entry.subarray(0, 20)),
  "a header alone": (key, entry) => raw.set(key, entry.subarray(0, 48)),
  "half an entry": (key, entry) => raw.set(key, entry.subarray(0, -3)),
  "an entry of another epoch": (key, entry) => raw.set(key, flipped(entry, 46)),
  "a version out of reach": (key, entry) => raw.set(key, flipped(flipped(entry, 6), 15)),
  "records of another shape": (key, entry) => raw.set(key, forged(entry, [["z9", 1, 2, 3]])),
  "records of nothing": (key, entry) => raw.set(key, forged(entry, [null, [], {}, 7])),
  "no records": (key, entry) => raw.set(key, forged(entry, [])),
  "records of ours without their insides": (key, entry) =>
    raw.set(key, forged(entry, [["h", "h1"], ["m"], ["p", 1], ["l1"], ["p1"], ["g1"]])),
};

test.each(Object.keys(odd))("%s under every key: nobody is told anything else, and it is replaced", async (kind) => {
  const right = await told("plain");
  expect(await told("live", false)).toEqual(right);
  const found = await entries();
  for (const [key, entry] of found) {
    await raw.del(key);
    await odd[kind]?.(key, entry);
    expect(await raw.exists(key)).toBe(1);
  }
  const before = await pair.metric("om_cache_reads_total");
  expect(await told("live", false)).toEqual(right);
  expect(await told("live")).toEqual(right);
  // They are entries again, all of them.
  await entries();
  expect(await told("live")).toEqual(right);
  expect(await pair.metric("om_cache_reads_total")).toBeGreaterThan(before);
  expect(await pair.metric("om_cache_stale_reads_total")).toBe(0);
});

test("they were counted", async () => {
  expect(await pair.metric("om_cache_reads_total", 'result="corrupt"')).toBeGreaterThan(50);
});

test("a thousand looks at a count that its reader does not change by writing: an audit of it is fine", async () => {
  if (ada === undefined || ben === undefined) throw new Error("nobody there");
  const path = `/api/conversations/user_${ben.id}/unread`;
  const ask = async (who: Person): Promise<unknown> => pair.ask(who, "GET", path);
  await ask(ada);
  await pair.ask(ada, "POST", "/api/messages", { recipient_id: ben.id, content: "and you?" });
  const audits = await pair.metric("om_cache_audits_total");
  while ((await pair.metric("om_cache_audits_total")) === audits) {
    await Promise.all(Array.from({ length: 100 }, () => ask(ada as Person)));
  }
  expect(await pair.metric("om_cache_stale_reads_total")).toBe(0);
});
