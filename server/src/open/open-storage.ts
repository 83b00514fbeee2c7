import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startEmbedded } from "@om/postgres";
import type pg from "pg";
import { ConfigError, type Config } from "../config.ts";
import { openDatabase, type Database, type DatabaseOptions } from "../platform/postgres/database.ts";
import { migrate, SchemaError } from "../platform/postgres/migrate.ts";
import { refuseHalfImport } from "./import-check.ts";
import { isAbsent, isEmbedded, postgresConnection, unreachable } from "./postgres-connection.ts";

/** The database that the settings name, migrated and open. */
export interface Storage extends AsyncDisposable {
  db: Database;
  /** For the little that must not wait behind requests: a connection of its own. */
  aside: Database;
  /** Of pg. */
  connection: pg.ClientConfig;
}

export interface StorageEvents extends Pick<DatabaseOptions, "onOutage" | "onBack" | "onConflict"> {
  /** The embedded database does not come back. */
  onEnd: (error: Error) => void;
}

/** For a program that has nothing to do but what meets the outage itself. */
export const unwatched: StorageEvents = { onOutage: () => undefined, onEnd: () => undefined };

/** How a start waits for a database. */
interface Patience {
  /** How long for one that does not answer, in ms; default: it must be there. */
  waitMs?: number | undefined;
  /** Ends the wait; its reason is thrown. */
  signal?: AbortSignal | undefined;
}

/** @throws SchemaError, EmbeddedRefused, ConfigError with the setting that names a database which cannot be used, or the signal's reason */
export async function openStorage(config: Config, events: StorageEvents, patience: Patience = {}): Promise<Storage> {
  const server = await openServer(config, events, patience.signal);
  try {
    const { connection } = server;
    if (isEmbedded(config)) await unlessAborted(() => migrate(connection), patience.signal);
    else await migrateWhenThere(config, events, { connection, ...patience });
    const db = openDatabase({ connection, poolSize: config.dbPool, ...events });
    const aside = openDatabase({ connection, poolSize: 1, ...events });
    const close = (): Promise<unknown> => Promise.all([db[Symbol.asyncDispose](), aside[Symbol.asyncDispose]()]);
    await refuseHalfImport(aside).catch(async (error: unknown) => {
      await close();
      throw error;
    });
    return {
      db,
      aside,
      connection,
      async [Symbol.asyncDispose]() {
        await close();
        await server[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** Where the settings' database is; the embedded one runs until it is disposed. @throws EmbeddedRefused, ConfigError */
export async function openServer(
  config: Config,
  events: StorageEvents,
  signal?: AbortSignal,
): Promise<{ connection: pg.ClientConfig } & AsyncDisposable> {
  if (!isEmbedded(config)) {
    return { connection: await postgresConnection(config), [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  refuseByMistake(config);
  return startEmbedded(config.dataDir, { ...events, connections: config.dbPool + 1, signal });
}

/** Who has set what only an installation with PostgreSQL needs may have forgotten to name it. @throws ConfigError */
function refuseByMistake({ databaseUrl, dataDir, jwtSecret, allowedOrigins }: Config): void {
  if (databaseUrl !== "" || (jwtSecret === "" && allowedOrigins.length === 0) || holdsDatabase(dataDir)) return;
  throw new ConfigError(
    `DATABASE_URL is not set, but ${jwtSecret === "" ? "ALLOWED_ORIGINS" : "JWT_SECRET"} is: which PostgreSQL is meant? ` +
      `If a new embedded database in ${dataDir} is: DATABASE_URL=embedded`,
  );
}

function holdsDatabase(dataDir: string): boolean {
  try {
    return readdirSync(join(dataDir, "pgdata")).length > 0;
  } catch {
    return false;
  }
}

/** A database that is still starting, as after a power cut, or cannot be reached just now, is tried again each second. */
async function migrateWhenThere(
  config: Config,
  { onOutage, onBack }: StorageEvents,
  { connection, waitMs = 0, signal }: Patience & { connection: pg.ClientConfig },
): Promise<void> {
  const until = performance.now() + waitMs;
  for (;;) {
    try {
      await unlessAborted(() => migrate(connection), signal);
      return onBack?.();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof SchemaError) throw error;
      if (!isAbsent(error) || performance.now() >= until) throw unreachable(config, error);
      onOutage(new Error(`${unreachable(config, error).message}; it is tried again for a minute`));
    }
    await delay(1_000, undefined, { signal });
  }
}

/** Does not wait for work that was begun; what becomes of it is nobody's affair then. */
async function unlessAborted(work: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work();
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = once(signal, "abort", { signal: settled.signal }).then(() => signal.throwIfAborted());
  await Promise.race([work(), aborted]).finally(() => {
    settled.abort();
    aborted.catch(() => undefined);
  });
}
