import { once } from "node:events";
import { startEmbedded } from "@om/postgres";
import type pg from "pg";
import type { Config } from "../config.ts";
import { openDatabase, type Database } from "../platform/postgres/database.ts";
import { migrate } from "../platform/postgres/migrate.ts";
import { externalConnection } from "./postgres-connection.ts";

/** The database that the settings name, migrated and open. */
export interface Storage extends AsyncDisposable {
  db: Database;
  /** For the little that must not wait behind requests: a connection of its own. */
  aside: Database;
}

export interface StorageEvents {
  /** The database could not be reached just now. */
  onOutage: (error: unknown) => void;
  /** The embedded database does not come back. */
  onEnd: (error: Error) => void;
}

/** For a program that has nothing to do but what meets the outage itself. */
export const unwatched: StorageEvents = { onOutage: () => undefined, onEnd: () => undefined };

/** @param signal ends waiting for a database; its reason is thrown. @throws SchemaError, EmbeddedRefused, or what the driver says when there is no way to the database */
export async function openStorage(config: Config, events: StorageEvents, signal?: AbortSignal): Promise<Storage> {
  const server = await openServer(config, events, signal);
  try {
    const { connection } = server;
    await unlessAborted(() => migrate(connection), signal);
    const db = openDatabase({ connection, poolSize: config.dbPool, onOutage: events.onOutage });
    const aside = openDatabase({ connection, poolSize: 1, onOutage: events.onOutage });
    return {
      db,
      aside,
      async [Symbol.asyncDispose]() {
        await Promise.all([db[Symbol.asyncDispose](), aside[Symbol.asyncDispose]()]);
        await server[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** Where the settings' database is; the embedded one runs until it is disposed. @throws EmbeddedRefused */
export async function openServer(
  config: Config,
  events: StorageEvents,
  signal?: AbortSignal,
): Promise<{ connection: pg.ClientConfig } & AsyncDisposable> {
  const external = externalConnection(config);
  if (external !== undefined) return { connection: external, [Symbol.asyncDispose]: () => Promise.resolve() };
  return startEmbedded(config.dataDir, { ...events, connections: config.dbPool + 1, signal });
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
