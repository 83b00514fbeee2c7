import { startRedis, startRedisCluster, type RedisCluster, type RedisServer } from "@om/services";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { askedBy, clusterClient, redisClient, until } from "../../tests/fixtures/redis-clients.ts";
import { migratedDatabase } from "../../tests/fixtures/migrated-database.ts";
import { createDisposalStack, type DisposalStack } from "../platform/disposal-stack.ts";
import { deferred } from "../platform/deferred.ts";
import { openDatabase, type Queries } from "../platform/postgres/database.ts";
import type { Redis, Reply } from "../platform/redis/redis.ts";
import { controlStore } from "./control-store.ts";
import { countersOf } from "./counters.ts";
import { packEntry } from "./entry.ts";
import { scripts } from "./scripts.ts";
import { databaseWitness, redisWitness, type Witness } from "./witness.ts";

/** A witness, what it speaks of, and what stands between it and that. */
interface Stage {
  witness: Witness;
  /** Makes or changes users, whose profiles have this version then, as another node does it. */
  commit(userIds: readonly number[], ver: number): Promise<void>;
  /** As far as a writer goes before the commit that gives a profile this version; undone at the end. */
  begin(userId: number, ver: number): Promise<() => Promise<void>>;
}

/** Around every question: what was asked for. By default it passes. */
let ask: (keys: readonly string[], send: () => Promise<unknown>) => Promise<unknown>;
/** Each question so far: the keys that were asked for at once. */
let asked: (readonly string[])[];
beforeEach(() => {
  asked = [];
  ask = (_, send) => send();
});
const noted = (keys: readonly string[], send: () => Promise<unknown>): Promise<unknown> => {
  asked.push(keys);
  return ask(keys, send);
};

const epoch = 7;
/** Nobody is too late, but for those who never answer. */
const [patienceMs, impatientMs] = [20_000, 20];
const counter = "profile:ver";
const profile = (userId: number): string => `profile:${userId}`;

interface RedisStage extends Stage {
  witnessOf(patienceMs: number, epochNow?: () => number | undefined): Witness;
}

function redisStage(redis: Redis): RedisStage {
  const watched = askedBy(redis, {
    script(ms, script, keys, args) {
      const send = (): Promise<Reply> => redis.script(ms, script, keys, args);
      return noted(keys, send) as Promise<Reply>;
    },
    call: (ms, command, ...args) => noted([String(args[0])], () => redis.call(ms, command, ...args)) as Promise<Reply>,
  });
  const witnessOf: RedisStage["witnessOf"] = (ms, epochNow = () => epoch) =>
    redisWitness({ redis: watched, control: { readEpoch: epochNow }, counters: [counter], patienceMs: ms });
  return {
    witnessOf,
    witness: witnessOf(patienceMs),
    async commit(userIds, ver) {
      const entry = packEntry({ ver, epoch, until: 0, records: [] });
      for (const id of userIds) await redis.call(5_000, "SET", profile(id), entry);
    },
    async begin(userId, ver) {
      const key = profile(userId);
      await redis.script(5_000, scripts.mark, [key, ...countersOf([key], redis)], [epoch, ver]);
      return async () => undefined;
    },
  };
}

async function databaseStage(disposals: DisposalStack) {
  const connection = { connectionString: await migratedDatabase() };
  const db = disposals.use(openDatabase({ connection, poolSize: 4, onOutage: () => undefined }));
  const watched: Queries = {
    query: (statement, values) =>
      noted((values[0] ?? []) as string[], () => db.query(statement, values)) as Promise<never>,
  };
  const upsert = (ids: string, ver: number): string =>
    `insert into users (id, ver, username, email, password_hash) select i, ${ver}, 'u' || i, i || '@example.org', '-' from unnest('{${ids}}'::bigint[]) i
     on conflict (id) do update set ver = excluded.ver`;
  const witnessOf = (onOtherRun: () => void): Witness => databaseWitness(controlStore(watched).versions, onOtherRun);
  return {
    witnessOf,
    witness: witnessOf(() => undefined),
    async commit(userIds: readonly number[], ver: number): Promise<void> {
      await db.query({ name: "", text: upsert(userIds.join(), ver) }, []);
    },
    async begin(userId: number, ver: number): Promise<() => Promise<void>> {
      const [begun, end] = [deferred(), deferred()];
      const transaction = db.transaction(async (queries) => {
        await queries.query({ name: "", text: upsert(String(userId), ver) }, []);
        begun.resolve();
        await end.promise;
      });
      await begun.promise;
      return async () => {
        end.resolve();
        await transaction;
      };
    },
  };
}

type DatabaseStage = Awaited<ReturnType<typeof databaseStage>>;

const stages: {
  redis: RedisStage;
  cluster: RedisStage;
  database: DatabaseStage;
} = {} as never;
const disposals = createDisposalStack(() => undefined);
const servers: { redis: RedisServer; cluster: RedisCluster } = {} as never;
beforeAll(async () => {
  const [redis, cluster, database] = await Promise.all([startRedis(), startRedisCluster(), databaseStage(disposals)]);
  disposals.use(redis);
  disposals.use(cluster);
  const options = { scripts: Object.values(scripts) };
  const clients = [disposals.use(redisClient(redis, options)), disposals.use(clusterClient(cluster, options))] as const;
  for (const client of clients) await until(client, true);
  Object.assign(servers, { redis, cluster });
  Object.assign(stages, { redis: redisStage(clients[0]), cluster: redisStage(clients[1]), database });
});
afterAll(() => disposals[Symbol.asyncDispose]());

/** Of users of the test's own. */
let users = 0;
const newUsers = (count: number): number[] => Array.from({ length: count }, () => (users += 1));

/** undefined: none that is sure to be the newest. */
const versionOf = (seen: { ver: number; isDirty: boolean } | undefined): number | undefined =>
  seen === undefined || seen.isDirty ? undefined : seen.ver;

describe.each(["redis", "cluster", "database"] as const)("%s tells which versions are the newest", (kind) => {
  const my = (): Stage => stages[kind];
  const look = async (...userIds: number[]): Promise<(number | undefined)[] | undefined> => {
    const sight = await my().witness.look(userIds.map(profile));
    return sight && userIds.map((id) => versionOf(sight.version(profile(id))));
  };
  /** Of all questions those about this user. */
  const askedFor = (userId: number): number => asked.filter((keys) => keys.includes(profile(userId))).length;

  test("the same for what has not changed, another one for what somebody has", async () => {
    const [one = 0, two = 0] = newUsers(2);
    await my().commit([one, two], 3);
    expect(await look(one, two)).toEqual([3, 3]);
    await my().commit([two], 4);
    for (let times = 0; times < 2; times++) expect(await look(one, two)).toEqual([3, 4]);
  });

  test("what is about to be committed: the database knows the last one, Redis none", async () => {
    const [one = 0, two = 0] = newUsers(2);
    await my().commit([one, two], 3);
    const end = await my().begin(one, 4);
    expect(await look(one, two)).toEqual([kind === "database" ? 3 : undefined, 3]);
    await end();
    expect(await look(one, two)).toEqual([kind === "database" ? 4 : undefined, 3]);
  });

  test("what is not there, and what nobody asked for", async () => {
    const [one = 0] = newUsers(1);
    expect(await look(one)).toEqual([kind === "database" ? 0 : undefined]);
    const sight = await my().witness.look([]);
    expect(sight?.version(profile(one))).toBeUndefined();
    expect(sight?.counter("another counter")).toBeUndefined();
  });

  test("many at once", async () => {
    const many = newUsers(600);
    await my().commit(many, 2);
    expect(await look(...many)).toEqual(many.map(() => 2));
  });

  test("who asks in one turn shares one question, in which each key is named once", async () => {
    const [one = 0, two = 0, three = 0] = newUsers(3);
    await my().commit([one, two, three], 1);
    const all = await Promise.all([look(one, two), look(two, three), look(one)]);
    expect(all).toEqual([[1, 1], [1, 1], [1]]);
    const wanted = [one, two, three].map(profile);
    expect(asked.flat().filter((key) => key !== counter)).toEqual(wanted);
    if (kind !== "cluster") expect(asked).toHaveLength(1);
  });

  test("two questions may be under way; whoever comes meanwhile shares the next, and is told what is true by then", async () => {
    const [one = 0] = newUsers(1);
    await my().commit([one], 1);
    const gates = [deferred(), deferred()];
    const all: Promise<unknown>[] = [];
    ask = async (_, send) => {
      const found = await send();
      await gates[asked.length - 1]?.promise;
      return found;
    };
    for (const round of [1, 2]) {
      all.push(look(one));
      await expect.poll(() => askedFor(one)).toBe(round);
    }
    const later = Array.from({ length: 5 }, () => look(one));
    await my().commit([one], 2);
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    expect(askedFor(one)).toBe(2);
    gates[1]?.resolve();
    expect(await all[1]).toEqual([1]);
    expect(await Promise.all(later)).toEqual(later.map(() => [2]));
    expect(askedFor(one)).toBe(3);
    gates[0]?.resolve();
    expect(await all[0]).toEqual([1]);
  });

  test("nothing when it cannot be asked, and again when it can", async () => {
    const [one = 0] = newUsers(1);
    await my().commit([one], 1);
    ask = () => Promise.reject(new Error("lost"));
    expect(await Promise.all([look(one), look(one)])).toEqual([undefined, undefined]);
    ask = (_, send) => send();
    expect(await look(one)).toEqual([1]);
  });
});

describe.each(["redis", "cluster"] as const)("%s", (kind) => {
  test("nothing when Redis is silent for longer than its patience, nor for whoever waited for the next look", async () => {
    const { look } = stages[kind].witnessOf(impatientMs);
    ask = () => new Promise(() => undefined);
    const all: Promise<unknown>[] = [];
    for (let round = 0; round < 5; round++) {
      all.push(look([profile(1)]));
      await new Promise(setImmediate);
    }
    expect(await Promise.all(all)).toEqual(all.map(() => undefined));
  });

  test("nothing when entries may not be read, before the answer or after it; only those of the present epoch count", async () => {
    const [one = 0] = newUsers(1);
    await stages[kind].commit([one], 1);
    let now: number | undefined;
    const { look } = stages[kind].witnessOf(patienceMs, () => now);
    expect([await look([profile(one)]), asked]).toEqual([undefined, []]);
    ask = async (_, send) => {
      const found = await send();
      now = undefined;
      return found;
    };
    now = epoch;
    expect(await look([profile(one)])).toBeUndefined();
    ask = (_, send) => send();
    now = epoch + 1;
    expect((await look([profile(one)]))?.version(profile(one))).toBeUndefined();
  });

  test("what lies under a key and is no entry is as if nothing were there", async () => {
    const [text = 0, list = 0] = newUsers(2);
    const cli = kind === "redis" ? servers.redis.cli : servers.cluster.cli;
    cli("SET", profile(text), "x".repeat(100));
    cli("RPUSH", profile(list), "x");
    const sight = await stages[kind].witness.look([text, list].map(profile));
    expect(sight).toBeDefined();
    expect([text, list].map((id) => sight?.version(profile(id)))).toEqual([undefined, undefined]);
  });
});

describe("counters", () => {
  const value = async (witness = stages.redis.witness): Promise<string | undefined> =>
    (await witness.look([]))?.counter(counter);

  test("stand still until something is marked", async () => {
    const before = await value();
    expect(before).toBeDefined();
    expect(await value()).toBe(before);
    await stages.redis.begin(1, 2);
    expect(await value()).not.toBe(before);
  });

  test("one that was deleted, evicted or overwritten begins with a text that nobody has seen, in whatever order", async () => {
    const { cli } = servers.redis;
    const ways = [
      () => cli("DEL", counter),
      () => cli("FLUSHALL"),
      () => void (cli("DEL", counter), cli("RPUSH", counter, "x")),
      () => cli("SET", counter, "x"),
    ];
    const seen = [await value()];
    for (const way of ways) {
      way();
      // A mark comes before anybody looks.
      await stages.redis.begin(1, 2);
      seen.push(await value());
      way();
      seen.push(await value());
      await stages.redis.begin(1, 3);
      seen.push(await value());
    }
    expect(new Set(seen).size).toBe(seen.length);
  });

  test("in another epoch no counter has the text of before", async () => {
    let now = epoch;
    const witness = stages.redis.witnessOf(patienceMs, () => now);
    const before = await value(witness);
    now += 1;
    expect(await value(witness)).not.toBe(before);
  });

  test("a cluster and the database have none: they tell of every object", async () => {
    for (const { witness } of [stages.cluster, stages.database]) {
      expect([witness.hasCounters, await value(witness)]).toEqual([false, undefined]);
    }
    expect(stages.redis.witness.hasCounters).toBe(true);
  });
});

test("another run of the database is told: it may give out the same versions again", async () => {
  let runs = 0;
  const witness = stages.database.witnessOf(() => (runs += 1));
  const [one = 0] = newUsers(1);
  for (let times = 0; times < 2; times++) await witness.look([profile(one)]);
  expect(runs).toBe(0);
  ask = async (_, send) => ((await send()) as { run: string }[]).map((row) => ({ ...row, run: "another run" }));
  for (let times = 0; times < 2; times++) await witness.look([profile(one)]);
  expect(runs).toBe(1);
});
