import { runningConnection } from "@om/postgres";
import { jwtSecret } from "../accounts/jwt-secret.ts";
import { composeFeatures, type Features } from "../app.ts";
import { parseConfig, loadEnvironment } from "../config.ts";
import { createHub } from "../delivery/hub.ts";
import { createLocalBus } from "../delivery/local-bus.ts";
import { composeCache } from "../open/open-cache.ts";
import { openDoor } from "../open/open-door.ts";
import { openStorage, unwatched, type Storage } from "../open/open-storage.ts";
import { isEmbedded } from "../open/postgres-connection.ts";
import { createDisposalStack } from "../platform/disposal-stack.ts";
import { monotonic, wallClock } from "../platform/clock.ts";
import { openDatabase } from "../platform/postgres/database.ts";
import { createTelemetry } from "../platform/telemetry/telemetry.ts";

/** What whoever has the server may do, on its database, whether it runs or not. */
export type Operator = Features["operator"] & { registration: string };

/**
 * The features of a server without its sockets and its Redis: what it changes reaches the running nodes by way of the database (session_ends,
 * cache_dirty).
 */
export async function withOperator<T>(work: (operator: Operator) => Promise<T>): Promise<T> {
  const config = parseConfig(loadEnvironment());
  await using disposals = createDisposalStack(() => undefined);
  const beside = isEmbedded(config) ? await besideServer(config.dataDir) : undefined;
  const storage = disposals.use(beside ?? (await openStorage(config, unwatched)));
  const telemetry = createTelemetry({ logLevel: "silent", logFrameSizes: false, monotonic });
  const cache = disposals.use(await composeCache({ config, storage, redis: undefined, telemetry, now: wallClock }));
  const embedded = isEmbedded(config);
  const key = { given: config.jwtSecret, dataDir: config.dataDir, embedded };
  // Without it links are made all the same; signatures are of no known key then.
  const secret = embedded || config.jwtSecret !== "" ? jwtSecret(key) : "";
  const door = await openDoor(config, storage.aside);
  const bus = createLocalBus(() => undefined);
  const hub = createHub({ maxSocketsPerUser: 0 });
  const open = {
    config,
    storage,
    cache,
    bus,
    hub,
    redis: undefined,
    isAlone: () => true,
    aside: undefined,
    telemetry,
    secret,
    door,
  };
  const features = composeFeatures(
    { ...open, now: wallClock, monotonic },
    () => `http://${config.host}:${config.port}`,
  );
  disposals.use(features.presence);
  disposals.defer(() => features.messages.idle());
  return await work({ ...features.operator, registration: door.registration });
}

/** The embedded database belongs to its server while that runs, and is reached beside it; undefined: none runs. */
async function besideServer(dataDir: string): Promise<(Pick<Storage, "db" | "aside"> & AsyncDisposable) | undefined> {
  const connection = runningConnection(dataDir);
  if (connection === undefined) return undefined;
  const db = openDatabase({ connection, poolSize: 2, ...unwatched });
  try {
    await db.query({ name: "", text: "select 1" }, []);
  } catch {
    await db[Symbol.asyncDispose]();
    return undefined;
  }
  return { db, aside: db, [Symbol.asyncDispose]: db[Symbol.asyncDispose] };
}
