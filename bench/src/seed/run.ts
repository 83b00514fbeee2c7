import { setTimeout as delay } from "node:timers/promises";
import { startOmServer, startPostgres, startRedis } from "@om/services";
import { Redis } from "ioredis";
import { registerAccounts, type Account } from "../accounts.ts";
import { machine, round } from "../report.ts";
import { prepareHistory } from "../scenarios/history-page.ts";
import { onlineLookups } from "./online.ts";
import { bodyOf, latency, timed, type Latency, type Target } from "./probe.ts";
import { frameSizes, pageSizes, type Size } from "./sizes.ts";
import { cacheReads, hitRates, zipfMix } from "./zipf.ts";

const print = (text: string): void => console.error(text);

/**
 * The tables of the first server's cache description, measured here: the same database read by a server without Redis and by one
 * with it, one request after the other over one connection.
 */
export async function seedTables({ seconds, times }: { seconds: number; times: number }): Promise<void> {
  await using postgres = await startPostgres(["fsync=on"]);
  await using redisServer = await startRedis({ maxmemory: "2gb", "maxmemory-policy": "allkeys-lru" });
  const databaseUrl = postgres.createDatabase();
  const settings = { DATABASE_URL: databaseUrl, LOG_LEVEL: "warn" };
  await using cached = await startOmServer({ ...settings, REDIS_URL: redisServer.url });
  await using plain = await startOmServer(settings);
  const redis = new Redis(redisServer.port, "127.0.0.1");
  try {
    await cacheIsOn(cached.url);
    print("filling");
    const accounts = await registerAccounts(cached.url, 122);
    const [reader, peer, ...rest] = accounts;
    if (reader === undefined || peer === undefined) throw new Error("no accounts");
    await prepareHistory(cached.url, [reader, peer]);
    for (const other of rest.slice(0, 19)) await prepareHistory(cached.url, [other, reader]);
    const history = `/api/messages?recipient_id=${peer.id}&limit=50`;
    const key = `conv:${Math.min(reader.id, peer.id)}:${Math.max(reader.id, peer.id)}`;
    console.log(`\n${machine()}; medians of ${times} requests, one after the other\n`);

    print("conversation of 50, list of 20");
    const ask = (path: string) => latencyByPath({ path, reader, cached: cached.url, plain: plain.url, redis, times });
    const entryGet = await timed(times, () => redis.getBuffer(key));
    table("Conversation query (50 messages)", [...(await ask(history)), { what: `bare GET ${key}`, taken: entryGet }]);
    table("Conversation list (20 conversations)", await ask("/api/conversations?limit=20"));

    print("who is online");
    table("Online users lookup (10,000 of 100,000 online)", await onlineLookups(databaseUrl, redis, 10_000));

    print("sizes");
    await bodyOf({ url: cached.url + history, token: reader.token });
    const entry = await redis.getBuffer(key);
    if (entry === null) throw new Error(`${key} is not there`);
    const answer = await bodyOf({ url: cached.url + history, token: reader.token });
    sizes("Sizes", [...pageSizes(answer, entry), ...frameSizes(oneKilobyteFrame(answer))]);

    print("hit rate");
    const pairs = Array.from({ length: 50 }, (_, i) => accounts.slice(22 + i * 2, 24 + i * 2) as [Account, Account]);
    await hitRate(cached.url, pairs, seconds);
  } finally {
    redis.disconnect();
  }
}

interface MeasuredPath {
  path: string;
  reader: Account;
  cached: string;
  plain: string;
  redis: Redis;
  times: number;
}

async function latencyByPath(at: MeasuredPath): Promise<{ what: string; taken: Latency }[]> {
  const target = (base: string): Target => ({ url: base + at.path, token: at.reader.token });
  // Both servers and the database have seen it before.
  await latency(target(at.plain), 200);
  await latency(target(at.cached), 200);
  return [
    { what: "PostgreSQL (server without Redis)", taken: await latency(target(at.plain), at.times) },
    { what: "Redis cache hit", taken: await latency(target(at.cached), at.times) },
    {
      what: "cache miss + store",
      taken: await latency(target(at.cached), Math.min(at.times, 300), () => at.redis.flushdb()),
    },
  ];
}

async function hitRate(url: string, pairs: [Account, Account][], seconds: number): Promise<void> {
  for (const writesOfTen of [1, 5]) {
    await zipfMix({ url, pairs, seconds: 2, writesOfTen, clients: 8 });
    const before = await cacheReads(url);
    const done = await zipfMix({ url, pairs, seconds, writesOfTen, clients: 8 });
    const rates = hitRates(before, await cacheReads(url));
    sizes(`Hit rate, Zipf over ${pairs.length} conversations, ${writesOfTen} of 10 operations write`, [
      { what: "operations", value: `${round(done.perSecond)} a second` },
      ...[...rates].map(([kind, rate]) => ({ what: kind, value: `${(rate * 100).toFixed(2)} %` })),
    ]);
  }
}

async function cacheIsOn(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })).text();
    if (text.includes("\nom_cache_mode 2")) return;
    await delay(100);
  }
  throw new Error("the cache has not been turned on in 10 s");
}

function table(title: string, rows: readonly { what: string; taken: Latency }[]): void {
  const base = rows[0]?.taken.p50 ?? Number.NaN;
  const lines = rows.map(({ what, taken }) => {
    const ratio = base / taken.p50;
    return `| ${what} | ${taken.p50.toFixed(3)} ms | ${taken.p99.toFixed(2)} ms | ${ratio.toFixed(2)} × |`;
  });
  console.log(
    [
      `### ${title}`,
      "",
      "| Scenario | Median | 99 % | Against the first |",
      "| --- | --- | --- | --- |",
      ...lines,
      "",
    ].join("\n"),
  );
}

function sizes(title: string, rows: readonly Size[]): void {
  const lines = rows.map(({ what, value }) => `| ${what} | ${value} |`);
  console.log([`### ${title}`, "", "| What | |", "| --- | --- |", ...lines, ""].join("\n"));
}

/** A frame as the server pushes it, with enough text to be 1 KB. */
function oneKilobyteFrame(answer: Buffer): string {
  const { messages } = JSON.parse(answer.toString()) as { messages: Record<string, unknown>[] };
  const words = "Shall we meet at the station at half past seven, or is the café by the river better for everybody? ";
  const frame = { type: "message", message: { ...messages[0], content: words.repeat(4) }, conversation_id: "user_1" };
  return JSON.stringify(frame);
}
