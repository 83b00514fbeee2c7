import { setTimeout as delay } from "node:timers/promises";
import { startPostgres, startSystemPostgres, type PostgresServer } from "@om/services";
import { afterAll, beforeAll, describe } from "vitest";
import { openCache, type CacheOptions } from "../cache/cache.ts";
import type { CacheWrites } from "../cache/write-marks.ts";
import { composeReads, type Reads } from "../compose-reads.ts";
import { openDatabase, type Database } from "../platform/postgres/database.ts";
import { migrate } from "../platform/postgres/migrate.ts";

/** A migrated database for one test file. */
export interface TestDatabase {
  readonly db: Database;
  /** Reads and writes as the server makes them, without Redis. */
  readonly reads: Reads;
  readonly writes: CacheWrites;
  /** New users `<name>` with a conversation list of their own; returns their ids in order. */
  addUsers(...names: string[]): Promise<number[]>;
  /** Makes sure that a public group has the name `handle`. */
  addHandle(handle: string): Promise<void>;
  /** One SQL text that returns rows, for looking behind the curtain. */
  rows<Row>(text: string, values?: unknown[]): Promise<Row[]>;
}

/** Runs a suite on the PostgreSQL that the server brings along; with `minimum` also on the oldest that is supported, of the system. */
export function describeDatabases(
  title: string,
  suite: (database: TestDatabase) => void,
  { minimum = false } = {},
): void {
  describe.each(minimum ? ["embedded", "system"] : ["embedded"])(`${title} (%s PostgreSQL)`, (kind) => {
    let server: PostgresServer | undefined;
    let db: Database | undefined;
    let reads: Reads | undefined;
    beforeAll(async () => {
      server = await (kind === "system" ? startSystemPostgres() : startPostgres());
      const connection = { connectionString: server.createDatabase() };
      await migrate(connection);
      db = openDatabase({ connection, poolSize: 8, onOutage: () => undefined });
      const cache = await openCache({ db, ...withoutRedis });
      reads = composeReads({ cache, db, exposeEmails: false, onQueried: () => undefined });
    });
    afterAll(async () => {
      await db?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    });
    const ready = <T>(value: T | undefined): T => {
      if (value === undefined) throw new Error("the database is not open yet");
      return value;
    };
    const rows = <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
      ready(db).query<Row>({ name: "", text }, values);
    suite({
      get reads() {
        return ready(reads);
      },
      get writes() {
        return ready(reads).cache.writes;
      },
      get db() {
        return ready(db);
      },
      rows,
      addUsers: async (...names) => (await rows<{ id: number }>(insertUsers, [names])).map(({ id }) => id),
      async addHandle(handle) {
        await rows(
          `with owner as (
             insert into users (username, email, password_hash) select 'owner', 'owner of ' || $1, '-'
             where not exists (select from names where name = lower($1)) returning id
           ), made as (
             insert into groups (name, creator_id, is_public, handle) select $1, id, true, $1 from owner returning id
           )
           insert into names (name, group_id) select lower($1), id from made`,
          [handle],
        );
      },
    });
  });
}

const insertUsers = `with made as (
    insert into users (username, email, password_hash)
    select n, n || '@example.org', '-' from unnest($1::text[]) n returning id
  ), lists as (insert into user_state (user_id) select id from made)
  select id from made order by id`;

/** Options of a cache that nobody watches, on a database alone. */
export const withoutRedis: Omit<CacheOptions, "db"> = {
  redis: undefined,
  parallelLoads: 1,
  nodeId: "test",
  events: {
    read: () => undefined,
    hit: () => undefined,
    fill: () => undefined,
    leaseWait: () => undefined,
    shed: () => undefined,
    marked: () => undefined,
    posted: () => undefined,
    dirtyNoted: () => undefined,
    audited: () => undefined,
  },
  onError: () => undefined,
  now: Date.now,
  pause: (ms) => delay(ms),
};
