import { once } from "node:events";
import { mkdirSync } from "node:fs";
import type pg from "pg";
import type { Config } from "../config.ts";
import { openDatabase, type Database } from "../platform/postgres/database.ts";
import { startEmbedded } from "../platform/postgres/embedded.ts";
import { migrate } from "../platform/postgres/migrate.ts";

/** The database that the settings name, migrated and open. */
export interface Storage extends AsyncDisposable {
  db: Database;
  /** For the little that must not wait behind requests: a connection of its own, if there can be one. */
  aside: Database;
  /** `embedded` has one connection and one lane. */
  kind: "embedded" | "postgres";
}

export interface StorageEvents {
  /** The database could not be reached just now. */
  onOutage: (error: unknown) => void;
  /** The embedded database is gone for good; only a new process brings it back. */
  onEnd: (error: Error) => void;
}

/** @param signal ends waiting for another machine; its reason is thrown. @throws SchemaError, FolderInUse, or what the driver says when there is no way to the database */
export async function openStorage(
  config: Config,
  { onOutage, onEnd }: StorageEvents,
  signal?: AbortSignal,
): Promise<Storage> {
  const external = externalConnection(config);
  if (external !== undefined) {
    await unlessAborted(migrate(external), signal);
    const db = openDatabase({ connection: external, poolSize: config.dbPool, onOutage });
    const aside = openDatabase({ connection: external, poolSize: 1, onOutage });
    return {
      db,
      aside,
      kind: "postgres",
      async [Symbol.asyncDispose]() {
        await Promise.all([db[Symbol.asyncDispose](), aside[Symbol.asyncDispose]()]);
      },
    };
  }
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const embedded = await startEmbedded(config.dataDir, onEnd);
  try {
    await migrate(embedded.connection);
  } catch (error) {
    await embedded[Symbol.asyncDispose]();
    throw error;
  }
  const db = openDatabase({ connection: embedded.connection, poolSize: 1, onOutage });
  return {
    db,
    aside: db,
    kind: "embedded",
    async [Symbol.asyncDispose]() {
      await db[Symbol.asyncDispose]();
      await embedded[Symbol.asyncDispose]();
    },
  };
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = once(signal, "abort", { signal: settled.signal }).then(() => signal.throwIfAborted());
  await Promise.race([work, aborted]).finally(() => {
    settled.abort();
    aborted.catch(() => undefined);
  });
}

/** DATABASE_URL, else DB_*; undefined: the embedded database. */
export function externalConnection(config: Config): pg.ClientConfig | undefined {
  if (config.databaseUrl !== "") return { connectionString: config.databaseUrl };
  if (config.dbHost === "") return undefined;
  const { dbSslMode: mode } = config;
  const verify = mode === "verify-ca" || mode === "verify-full";
  return {
    host: config.dbHost,
    port: config.dbPort,
    user: config.dbUser,
    password: config.dbPassword,
    database: config.dbName,
    // Go's driver tries TLS first for `prefer`; pg cannot fall back, so it goes without.
    ssl:
      mode === "disable" || mode === "prefer"
        ? false
        : { rejectUnauthorized: verify, ...(mode === "verify-ca" ? { checkServerIdentity: () => undefined } : {}) },
  };
}
