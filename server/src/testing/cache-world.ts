import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { startPostgres, startRedis, type PostgresServer, type RedisServer } from "@om/services";
import { Redis as Driver } from "ioredis";
import { openCache, type Cache } from "../cache/cache.ts";
import type { CacheEvents } from "../cache/events.ts";
import { lockObjects } from "../cache/locks.ts";
import type { Changed } from "../cache/marks.ts";
import { scripts } from "../cache/scripts.ts";
import type { Found, Source } from "../cache/source.ts";
import type { CacheStep } from "../cache/steps.ts";
import type { CacheTimes } from "../cache/times.ts";
import { deferred } from "../platform/deferred.ts";
import { DatabaseUnavailable, openDatabase, type Database, type Queries } from "../platform/postgres/database.ts";
import { migrate } from "../platform/postgres/migrate.ts";
import type { Statement } from "../platform/postgres/statement.ts";
import { RedisUnavailable, type Arg, type Redis, type Reply } from "../platform/redis/redis.ts";
import { askedBy, redisClient, until } from "./redis-clients.ts";

/*
 * The cache over an object of its own kind, without any feature: a thing has a name and items, one per version, so that a value tells
 * by itself whether it is whole. A write appends an item.
 */

/** What a node does to its surroundings, which a test may hold up, lose or break; by default everything passes. */
export interface Hooks {
  /** At the named steps of the cache. */
  step: (name: CacheStep) => Promise<void> | undefined;
  /** Around every call of Redis: the name of the script or command. */
  redis: (name: string, send: () => Promise<Reply>) => Promise<Reply>;
  /** Around every statement: its name. */
  sql: (name: string, run: () => Promise<unknown[]>) => Promise<unknown[]>;
  /** After a commit that nobody hears of. */
  isCommitHeard: () => boolean;
}

export interface CacheNode extends AsyncDisposable {
  readonly cache: Cache;
  readonly redis: Redis | undefined;
  readonly hooks: Hooks;
  /** What happened, such as `read miss`, `fill stored`, `mark acked`, `post done`, `stale`. */
  readonly events: string[];
  /** Errors of the background. */
  readonly errors: unknown[];
  /** Milliseconds by which its wall clock is ahead. */
  clock: { ahead: number };
  read(name: string): Promise<Found<string[]>>;
  readAll(names: readonly string[]): Promise<Found<string[]>[]>;
  /** Appends an item; the version after it. `twice`: as two changes of one transaction. */
  write(name: string, item: string, more?: { twice?: boolean; withoutPost?: boolean }): Promise<number>;
  /** The same by way of an SQL function that notes by itself what will not be marked. */
  batch(writes: Record<string, string[]>): Promise<void>;
  /** How often rows of things were read so far. */
  loads(): number;
  /** For the next test: nothing is held up, nothing has happened. */
  reset(): void;
}

export interface NodeOptions {
  /** undefined: a node without Redis. */
  redis: { port: number } | undefined;
  url: string;
  /** Waits as a server does; by default nobody is too late. */
  isHasty?: boolean;
  times?: Partial<CacheTimes>;
  source?: Partial<Source<string, string[]>>;
}

export interface CacheWorld extends AsyncDisposable {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly url: string;
  sql(text: string): string;
  /** A command of its own to Redis, without deadlines. */
  raw(command: string, ...args: Arg[]): Promise<Reply>;
  /** Epoch and mode as all nodes agree. */
  control(): { epoch: number; mode: string };
  open(options?: Partial<NodeOptions>): Promise<CacheNode>;
  /** Ends all nodes that were opened. */
  closeNodes(): Promise<void>;
}

const schema = `
  create table things (name text primary key, ver bigint not null, items text[] not null);
  create function append_things(p_names text[], p_items text[], p_epoch int) returns table (name text, ver bigint, noted boolean)
  language plpgsql as $$
  #variable_conflict use_column
  begin
    perform object_lock_all(array(select 'thing:' || n from unnest(p_names) n));
    insert into things as t select n, count(*), array_agg(i) from unnest(p_names, p_items) as u(n, i) group by n
    on conflict (name) do update set ver = t.ver + excluded.ver, items = t.items || excluded.items;
    return query
      with changed as materialized (select t.name, t.ver from things t where t.name = any(p_names)),
      noted as (
        select note_dirty(array_agg('thing:' || c.name), array_agg(c.ver), p_epoch) as keys from changed c
        where p_epoch is distinct from cache_epoch() having count(*) > 0
      )
      select c.name, c.ver, coalesce((select keys from noted) > 0, false) from changed c;
  end $$;`;

/** PostgreSQL with things in it, a Redis, and the cache turned on for whoever comes. */
export async function startCacheWorld(): Promise<CacheWorld> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const url = await newDatabase(postgres);
  const raw = new Driver(redis.port, "127.0.0.1");
  // It comes back by itself when Redis is stopped.
  raw.on("error", () => undefined);
  const nodes: CacheNode[] = [];
  const closeNodes = async (): Promise<void> => {
    openGates();
    for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
  };
  return {
    postgres,
    redis,
    url,
    sql: (text) => postgres.sql(url, text),
    raw: (command, ...args) => raw.callBuffer(command, args) as Promise<Reply>,
    control() {
      const [epoch = "", mode = ""] = postgres.sql(url, "select epoch, mode from cache_ctl").split("|");
      return { epoch: Number(epoch), mode };
    },
    async open(options = {}) {
      const node = await openNode({ redis, url, ...options });
      nodes.push(node);
      return node;
    },
    closeNodes,
    async [Symbol.asyncDispose]() {
      await closeNodes();
      raw.disconnect();
      await Promise.all([postgres[Symbol.asyncDispose](), redis[Symbol.asyncDispose]()]);
    },
  };
}

export async function newDatabase(postgres: PostgresServer): Promise<string> {
  const url = postgres.createDatabase();
  await migrate({ connectionString: url });
  postgres.sql(url, `${schema} update cache_ctl set mode = 'on', changed_at = now()`);
  return url;
}

/** For calls of Redis that a test wants to fail: nothing is known of what became of them. */
export const unheard = (): Promise<never> => Promise.reject(new RedisUnavailable("timeout"));

/** Where somebody is held up: `reached` when he has come, and he goes on after `open`. */
export interface Gate {
  readonly reached: Promise<void>;
  /** To be returned by whoever is held up. */
  pass(): Promise<void>;
  open(): void;
}

const gates = new Set<Gate>();

/** Gates that a test leaves closed are opened when its nodes are closed or reset. */
function openGates(): void {
  for (const gate of gates) gate.open();
  gates.clear();
}

/**
 * Keeps nodes from seeing what has changed for all of them, from now on until the gate that is returned opens; no look is under way
 * any more.
 */
export async function holdPolls(...nodes: CacheNode[]): Promise<() => void> {
  const held = nodes.map((node) => {
    const gate = createGate();
    const { sql } = node.hooks;
    node.hooks.sql = (name, run) => (name === "cache.poll" ? gate.pass().then(run) : sql(name, run));
    return gate;
  });
  for (const { reached } of held) await reached;
  return () => {
    for (const gate of held) gate.open();
  };
}

export function createGate(): Gate {
  const [reached, opened] = [deferred(), deferred()];
  const gate: Gate = {
    reached: reached.promise,
    pass() {
      reached.resolve();
      return opened.promise;
    },
    open: opened.resolve,
  };
  gates.add(gate);
  return gate;
}

/** Nobody is too late for his deadline, and what is known is looked at often. */
const patient: CacheTimes = { hedgeMs: 30_000, pollMs: 40, idleMs: 100, freshMs: 30_000 };

const unhindered: Hooks = {
  step: () => undefined,
  redis: (_, send) => send(),
  sql: (_, run) => run(),
  isCommitHeard: () => true,
};

async function openNode({ url, redis: at, isHasty = false, source, times }: NodeOptions): Promise<CacheNode> {
  const hooks: Hooks = { ...unhindered };
  const own = openDatabase({ connection: { connectionString: url }, poolSize: 6, onOutage: () => undefined });
  const db = hookedDatabase(own, hooks);
  const single = openDatabase({ connection: { connectionString: url }, poolSize: 1, onOutage: () => undefined });
  const client = at === undefined ? undefined : redisClient(at, { idle: true, scripts: Object.values(scripts) });
  const redis = client === undefined ? undefined : hookedRedis(client, hooks, isHasty);
  const events: string[] = [];
  const errors: unknown[] = [];
  const clock = { ahead: 0 };
  const cache = await openCache({
    db,
    aside: hookedDatabase(single, hooks),
    redis,
    parallelLoads: 3,
    nodeId: randomUUID(),
    events: recorded(events),
    onError: (error) => void errors.push(error),
    now: () => Date.now() + clock.ahead,
    pause: (ms) => delay(ms),
    step: (name) => hooks.step(name),
    times: isHasty ? { ...times } : { ...patient, ...times },
  });
  if (client !== undefined) {
    client.start();
    await until(client, true);
    while (cache.state().mode === "off") await delay(10);
  }
  const counter = { loads: 0 };
  return {
    ...usesOf(cache, { ...thingSource(db, counter), ...source }),
    cache,
    redis,
    hooks,
    events,
    errors,
    clock,
    loads: () => counter.loads,
    reset() {
      openGates();
      Object.assign(hooks, unhindered);
      events.length = 0;
      clock.ahead = 0;
      counter.loads = 0;
    },
    async [Symbol.asyncDispose]() {
      await cache[Symbol.asyncDispose]();
      await client?.[Symbol.asyncDispose]();
      await Promise.all([own[Symbol.asyncDispose](), single[Symbol.asyncDispose]()]);
    },
  };
}

function thingSource(db: Queries, counter: { loads: number }): Source<string, string[]> {
  return {
    name: "conv",
    ttlMs: 300_000,
    maxBytes: 4_096,
    maxRecords: 50,
    key: (name) => `thing:${name}`,
    lock: (name) => `thing:${name}`,
    async load(names) {
      counter.loads += 1;
      return db.query<{ ver: number; value: string[] }>(
        {
          name: "things.load",
          text: `select coalesce(t.ver, 0) as ver, coalesce(t.items, '{}') as value
                 from unnest($1::text[]) with ordinality as i(name, ord) left join things t using (name) order by ord`,
        },
        [names],
      );
    },
    records: (items) => items,
    fold: (items) => items as string[],
  };
}

/** The uses of one source that a test makes. */
function usesOf(
  cache: Cache,
  source: Source<string, string[]>,
): Pick<CacheNode, "read" | "readAll" | "write" | "batch"> {
  const changed = (name: string, ver: number, items: readonly string[]): Changed => {
    const prev = ver - items.length;
    const post = { source, prev, records: items, compact: () => cache.compact(source, name) };
    return { key: source.key(name), ver, post };
  };
  const append = async (queries: Queries, name: string, item: string): Promise<Changed> => {
    const text = `insert into things as t values ($1, 1, array[$2])
      on conflict (name) do update set ver = t.ver + 1, items = t.items || excluded.items returning ver`;
    const [row] = await queries.query<{ ver: number }>({ name: "things.append", text }, [name, item]);
    return changed(name, row?.ver ?? 0, [item]);
  };
  const readAll = async (names: readonly string[]): Promise<Found<string[]>[]> => {
    const found = await cache.read(source, names);
    const torn = found.find(({ ver, value }) => value.length !== ver);
    if (torn !== undefined) throw new Error(`version ${torn.ver} has ${torn.value.length} items`);
    return found;
  };
  return {
    async read(name) {
      const [found] = await readAll([name]);
      if (found === undefined) throw new Error("nothing was found");
      return found;
    },
    readAll,
    write: (name, item, { twice = false, withoutPost = false } = {}) =>
      cache.writes.transaction(async (queries, touch) => {
        await lockObjects(queries, [source.lock(name)]);
        const all = [await append(queries, name, item)];
        if (twice) all.push(await append(queries, name, `${item} again`));
        for (const one of all) touch(withoutPost ? { key: one.key, ver: one.ver } : one);
        return all.at(-1)?.ver ?? 0;
      }),
    batch: (writes) =>
      cache.writes.batch(async (queries, epoch, touch) => {
        const pairs = Object.entries(writes).flatMap(([name, items]) => items.map((item) => [name, item] as const));
        const rows = await queries.query<{ name: string; ver: number; noted: boolean }>(
          { name: "things.batch", text: "select * from append_things($1, $2, $3)" },
          [pairs.map(([name]) => name), pairs.map(([, item]) => item), epoch],
        );
        for (const { name, ver, noted } of rows) touch({ ...changed(name, ver, writes[name] ?? []), noted });
      }),
  };
}

function hookedRedis(redis: Redis, hooks: Hooks, isHasty: boolean): Redis {
  const within = (ms: number): number => (isHasty ? ms : 30_000);
  return askedBy(redis, {
    call: (ms, command, ...args) => hooks.redis(command, () => redis.call(within(ms), command, ...args)),
    script: (ms, script, keys, args) => hooks.redis(script.name, () => redis.script(within(ms), script, keys, args)),
  });
}

function hookedDatabase(db: Database, hooks: Hooks): Database {
  const hooked = (queries: Queries): Queries => ({
    query: <Row>(statement: Statement<Row>, values: readonly unknown[]) =>
      hooks.sql(statement.name, () => queries.query(statement, values)) as Promise<Row[]>,
  });
  return {
    ...hooked(db),
    async transaction(run, options) {
      const value = await db.transaction((queries) => run(hooked(queries)), options);
      if (!hooks.isCommitHeard()) throw new DatabaseUnavailable(new Error("lost after the commit"));
      return value;
    },
    pool: () => db.pool(),
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  };
}

function recorded(events: string[]): CacheEvents {
  const note = (text: string): void => void events.push(text);
  return {
    read: (_, result) => note(`read ${result}`),
    hit: () => undefined,
    fill: (_, result) => note(`fill ${result}`),
    leaseWait: () => undefined,
    shed: () => note("shed"),
    marked: (result) => note(`mark ${result}`),
    posted: (result, count) => note(`post ${result}${count > 1 ? ` ${count}` : ""}`),
    dirtyNoted: (rows) => void (rows > 0 && note(`noted ${rows}`)),
    audited: (isStale) => note(isStale ? "audit stale" : "audit fine"),
  };
}
