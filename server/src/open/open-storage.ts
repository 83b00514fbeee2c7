import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startEmbedded } from "@om/postgres";
import { ConfigError, type Config } from "../config.ts";
import { openDatabase, type Database, type DatabaseOptions } from "../platform/postgres/database.ts";
import { migrate, SchemaError } from "../platform/postgres/migrate.ts";
import { watchPrimary, type Primary } from "../platform/postgres/primary.ts";
import { openReplicas, type ReplicaEvents, type Replicas } from "../platform/postgres/replicas.ts";
import { refuseHalfImport } from "./import-check.ts";
import { isAbsent, isEmbedded, postgresServers, serverOfUrl, unreachable } from "./postgres-connection.ts";

/** The database that the settings name, migrated and open. */
export interface Storage extends AsyncDisposable {
  /** Of the primary; what may be, a replica answers that has all of it. */
  db: Database;
  /** undefined: there are none. */
  replicas: Pick<Replicas, "state"> | undefined;
  primary: Pick<Primary, "connection" | "onMoved" | "onTimeline">;
  /** For the little that must not wait behind requests: a connection of its own. */
  aside: Database;
}

export interface StorageEvents extends Pick<DatabaseOptions, "onOutage" | "onBack" | "onConflict"> {
  /** The embedded database does not come back. */
  onEnd: (error: Error) => void;
  /** Another one of several servers is the primary now. */
  onMoved?: (name: string) => void;
  replicas?: ReplicaEvents;
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
    const { primary } = server;
    if (isEmbedded(config)) await unlessAborted(() => migrate(primary.connection()), patience.signal);
    else await migrateWhenThere(config, events, { primary, ...patience });
    const db = openDatabase({ connection: primary, poolSize: config.dbPool, ...events });
    const aside = openDatabase({ connection: primary, poolSize: 1, ...events });
    const close = (): Promise<unknown> => Promise.all([db[Symbol.asyncDispose](), aside[Symbol.asyncDispose]()]);
    await refuseHalfImport(aside).catch(async (error: unknown) => {
      await close();
      throw error;
    });
    const replicas = replicasOf(config, { db, aside }, events);
    return {
      db: replicas?.db ?? db,
      aside,
      replicas,
      primary,
      async [Symbol.asyncDispose]() {
        await replicas?.[Symbol.asyncDispose]();
        await close();
        await server[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

function replicasOf(
  { databaseReplicaUrls: urls, dbPool: poolSize }: Config,
  of: Pick<Storage, "db" | "aside">,
  events: StorageEvents,
): Replicas | undefined {
  const silent = { leftOut: () => undefined, used: () => undefined, read: () => undefined };
  const options = { ...of, servers: urls.map(serverOfUrl), poolSize, events: events.replicas ?? silent };
  return urls.length === 0 ? undefined : openReplicas(options);
}

/**
 * Where the settings' database is, as far as it can be told; the embedded one runs until it is disposed.
 * @throws EmbeddedRefused, ConfigError
 */
export async function openServer(
  config: Config,
  events: StorageEvents,
  signal?: AbortSignal,
): Promise<{ primary: Primary } & AsyncDisposable> {
  const moved = (name: string): void => events.onMoved?.(name);
  if (!isEmbedded(config)) {
    const primary = watchPrimary(postgresServers(config), moved);
    // Whoever uses it is told why it cannot be.
    await primary.find().catch(() => undefined);
    return { primary, [Symbol.asyncDispose]: () => primary[Symbol.asyncDispose]() };
  }
  refuseByMistake(config);
  const embedded = await startEmbedded(config.dataDir, { ...events, connections: config.dbPool + 1, signal });
  const primary = watchPrimary([{ name: "embedded", connection: async () => embedded.connection }], moved);
  await primary.find();
  return { primary, [Symbol.asyncDispose]: () => embedded[Symbol.asyncDispose]() };
}

/** Who has set what only an installation with PostgreSQL needs may have forgotten to name it. @throws ConfigError */
function refuseByMistake({ databaseUrl, databaseReplicaUrls, dataDir, jwtSecret, allowedOrigins }: Config): void {
  if (databaseReplicaUrls.length > 0)
    throw new ConfigError(
      "DATABASE_REPLICA_URLS: the embedded database has no replicas; set DATABASE_URL to their primary",
    );
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
  { primary, waitMs = 0, signal }: Patience & { primary: Primary },
): Promise<void> {
  const until = performance.now() + waitMs;
  for (;;) {
    try {
      await unlessAborted(async () => {
        await primary.find();
        await migrate(primary.connection());
      }, signal);
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
