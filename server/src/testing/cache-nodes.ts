import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RouteBody, RouteName, RouteQuery } from "@om/protocol";
import { startPostgres, startRedis, type RedisServer } from "@om/services";
import { openCache, type Cache } from "../cache/cache.ts";
import type { CacheEvents } from "../cache/events.ts";
import { scripts } from "../cache/scripts.ts";
import { composeUseCases, type UseCases } from "../compose.ts";
import { parseConfig } from "../config.ts";
import { createHub } from "../delivery/hub.ts";
import { createLocalBus } from "../delivery/local-bus.ts";
import type { Handlers, RouteRequest } from "../http/handlers.ts";
import { openStorage, type Storage } from "../open-storage.ts";
import type { Caller } from "../platform/caller.ts";
import { createDisposals, type Disposals } from "../platform/disposals.ts";
import { isJsonText } from "../platform/json-text.ts";
import { OmError } from "../platform/om-error.ts";
import type { Statement } from "../platform/postgres/statement.ts";
import { RedisUnavailable, type Redis, type Reply } from "../platform/redis/redis.ts";
import { createTelemetry } from "../platform/telemetry/telemetry.ts";
import { withoutRedis } from "./databases.ts";
import { patient, redisClient, until } from "./redis-clients.ts";

/** What is said in a request besides who asks. */
export interface Said<N extends RouteName> {
  params?: Record<string, string | number>;
  query?: RouteQuery<N>;
  body?: RouteBody<N>;
}

/** The use-cases of one node with a cache of its own, without the transports in front of them. */
export interface CacheNode {
  cache: Cache;
  storage: Storage;
  useCases: UseCases;
  /** What its cache did, and which statements it gave the database, by name; such as `read convlist hit_l1`, `post done`. */
  count: (what: string) => number;
  /** All names that begin so, added up. */
  countAll: (prefix: string) => number;
  /** The answer's JSON without who is online; of a refusal its code. */
  ask<N extends RouteName>(name: N, userId: number, said?: Said<N>): Promise<string>;
}

/** Two nodes that share a PostgreSQL and a Redis, and one on the same database that knows of no Redis. */
export interface CacheNodes extends AsyncDisposable {
  nodes: readonly [CacheNode, CacheNode];
  database: CacheNode;
  redis: RedisServer;
  /** One command to Redis, over a connection of the test's own. */
  command(name: string, ...args: string[]): Promise<Reply>;
  /** New users `<name>` with the e-mail `<name>@example.org`. */
  addUsers(...names: string[]): Promise<number[]>;
  rows<Row>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** Resolves when both nodes read through Redis. @param settings of Redis */
export async function startCacheNodes(settings: Record<string, string> = {}): Promise<CacheNodes> {
  const disposals = createDisposals(() => undefined);
  try {
    const folder = mkdtempSync(join(tmpdir(), "om-cache-nodes-"));
    disposals.add(() => rmSync(folder, { recursive: true, force: true }));
    const postgres = disposals.owned(await startPostgres());
    const redis = disposals.owned(await startRedis(settings));
    const emails = new Map<number, string>();
    const place = { url: postgres.createDatabase(), folder, emails };
    const database = await startNode(disposals, place, undefined);
    const nodes = [await startNode(disposals, place, redis), await startNode(disposals, place, redis)] as const;
    const own = disposals.owned(redisClient(redis));
    await until(own, true);
    const rows = <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
      database.storage.db.query<Row>({ name: "", text }, values);
    while (nodes.some(({ cache }) => cache.state().mode !== "on")) await rows("select pg_sleep(0.02)");
    return {
      nodes,
      database,
      redis,
      rows,
      command: (name, ...args) => patiently(own, () => own.call(5_000, name, ...args)),
      async addUsers(...names) {
        const made = await rows<{ id: number }>(
          `with made as (
             insert into users (username, email, password_hash)
             select n, n || '@example.org', '-' from unnest($1::text[]) n returning id
           ), lists as (insert into user_state (user_id) select id from made)
           select id from made order by id`,
          [names],
        );
        for (const [index, { id }] of made.entries()) emails.set(id, `${names[index]}@example.org`);
        return made.map(({ id }) => id);
      },
      [Symbol.asyncDispose]: disposals[Symbol.asyncDispose],
    };
  } catch (error) {
    await disposals[Symbol.asyncDispose]().catch(() => undefined);
    throw error;
  }
}

/** A machine that is busy must not end a test. */
async function patiently<T>(redis: Redis, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      await until(redis, true);
    }
  }
}

async function startNode(
  disposals: Disposals,
  place: { url: string; folder: string; emails: ReadonlyMap<number, string> },
  server: RedisServer | undefined,
): Promise<CacheNode> {
  const counts = new Map<string, number>();
  const add = (what: string, by = 1): void => void counts.set(what, (counts.get(what) ?? 0) + by);
  const config = parseConfig({ DATABASE_URL: place.url, DATA_DIR: place.folder, LOG_LEVEL: "silent" });
  const events = { onOutage: () => undefined, onEnd: () => undefined };
  const storage = counted(disposals.owned(await openStorage(config, events)), add);
  const redis =
    server && disposals.owned(patient(redisClient(server, { scripts: Object.values(scripts), idle: true })));
  const times = { hedgeMs: 30_000, pollMs: 40, idleMs: 100, freshMs: 30_000 };
  const options = { ...withoutRedis, db: storage.db, redis, parallelLoads: 4, nodeId: `node ${Math.random()}`, times };
  const cache = disposals.owned(await openCache({ ...options, events: eventsOf(add) }));
  redis?.start();
  const telemetry = createTelemetry({ logLevel: "silent", logFrameSizes: false, now: Date.now });
  const bus = createLocalBus(() => undefined);
  const hub = createHub({ maxSocketsPerUser: 0 });
  const parts = { config, storage, cache, bus, hub, redis: undefined, telemetry, secret: "", now: Date.now };
  const useCases = composeUseCases({ ...parts, ownUrl: () => "http://127.0.0.1" });
  disposals.owned(useCases.presence);
  disposals.add(() => useCases.features.lanes.idle());
  return {
    cache,
    storage,
    useCases,
    count: (what) => counts.get(what) ?? 0,
    countAll: (prefix) => [...counts].reduce((sum, [what, n]) => (what.startsWith(prefix) ? sum + n : sum), 0),
    ask(name, userId, said = {}) {
      const caller = { userId, email: place.emails.get(userId) ?? "", role: "user" };
      return askHandler(useCases.handlers, name, { caller, said });
    },
  };
}

function counted(storage: Storage, add: (what: string) => void): Storage {
  const { db } = storage;
  const query = <Row>(statement: Statement<Row>, values: readonly unknown[]): Promise<Row[]> => {
    add(`query ${statement.name}`);
    return db.query(statement, values);
  };
  return { ...storage, db: { ...db, query } };
}

function eventsOf(add: (what: string, by?: number) => void): CacheEvents {
  return {
    read: (kind, result) => add(`read ${kind} ${result}`),
    hit: (source) => add(`hit ${source.name}`),
    fill: (kind, result) => add(`fill ${kind} ${result}`),
    leaseWait: () => add("lease wait"),
    shed: () => add("shed"),
    marked: (result) => add(`mark ${result}`),
    posted: (result, count) => add(`post ${result}`, count),
    dirtyNoted: (rows) => add("dirty noted", rows),
    audited: (isStale) => add(isStale ? "stale" : "audited"),
  };
}

async function askHandler<N extends RouteName>(
  handlers: Handlers,
  name: N,
  { caller, said }: { caller: Caller; said: Said<N> },
): Promise<string> {
  const params = Object.entries(said.params ?? {}).map(([key, value]) => [key, String(value)]);
  const request = {
    caller,
    params: Object.fromEntries(params) as Record<string, string>,
    query: said.query ?? {},
    body: said.body ?? {},
    receive: undefined,
    refreshToken: "",
    address: "",
    userAgent: "",
  } as unknown as RouteRequest<N>;
  try {
    const answer = await handlers[name](request);
    return isJsonText(answer) ? withoutPresence(JSON.parse(String(answer.json))) : withoutPresence(answer);
  } catch (error) {
    if (error instanceof OmError) return error.code;
    throw error;
  }
}

/** Who is connected is joined at read time from what this node knows, not from the cache. */
export function withoutPresence(answer: unknown): string {
  return JSON.stringify(answer, (key, value: unknown) =>
    key === "is_online" || key === "presence" ? undefined : value,
  );
}
