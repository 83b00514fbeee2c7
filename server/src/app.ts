import { resolve } from "node:path";
import { jwtSecret } from "./accounts/jwt-secret.ts";
import { scripts } from "./cache/scripts.ts";
import { openBus } from "./compose-bus.ts";
import { composeCache } from "./compose-cache.ts";
import { composeUseCases } from "./compose.ts";
import { composeSockets } from "./compose-sockets.ts";
import type { Config } from "./config.ts";
import { createHub } from "./delivery/hub.ts";
import { createOriginPolicy } from "./http/origin.ts";
import { listen } from "./http/listen.ts";
import { createHttp, type Serving } from "./http/server.ts";
import { openRedis } from "./open-redis.ts";
import { faultStep } from "./fault-step.ts";
import { externalConnection, openStorage, type StorageEvents } from "./open-storage.ts";
import { every } from "./platform/background.ts";
import type { Clock } from "./platform/clock.ts";
import { createDisposals } from "./platform/disposals.ts";
import { statement } from "./platform/postgres/statement.ts";
import { presenceScripts } from "./presence/online-keys.ts";
import { createTelemetry, type Telemetry } from "./platform/telemetry/telemetry.ts";

/**
 * A running server. Disposing it stops accepting, finishes what was taken, and closes everything in reverse order; it may be asked
 * for more than once. What fails on the way is reported, and the first failure is thrown at the end.
 */
export interface App extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
}

export interface AppOptions {
  /** Default: the system's clock. */
  now?: Clock;
  /** Gives up a start that is under way: what was opened is closed, and its reason is thrown. */
  signal?: AbortSignal;
  /** The port is bound; until the start is complete every request is told to come again. */
  onListening?: (url: string) => void;
  /** The server cannot go on and should be disposed; called once. Default: it is only reported. */
  onFatal?: (error: Error) => void;
}

const ping = statement<{ ok: number }>("app.ping", "select 1 as ok");

/**
 * The one composition root: binds the port, builds everything in order, and disposes in reverse.
 * @throws ConfigError, PortUnavailable, SchemaError, EmbeddedRefused, or the reason of `signal`
 */
export async function startApp(config: Config, options: AppOptions = {}): Promise<App> {
  const { now = Date.now, signal, onListening, onFatal } = options;
  const telemetry = createTelemetry({ logLevel: config.logLevel, logFrameSizes: config.wsDebug, now });
  const disposals = createDisposals((error) => telemetry.failure("stop", error));
  const background = (ms: number, where: string, work: () => Promise<unknown>): void => {
    disposals.owned(every(ms, work, (error) => telemetry.failure(where, error)));
  };
  const isAllowed = createOriginPolicy(config.allowedOrigins);
  let serving: Serving | undefined;
  signal?.throwIfAborted();
  const http = await createHttp({ config, isAllowed, telemetry, now, serving: () => serving });
  try {
    const url = await listen(http, config);
    onListening?.(url);
    const embedded = externalConnection(config) === undefined;
    const secret = jwtSecret({ given: config.jwtSecret, dataDir: config.dataDir, embedded });
    const opened = openRedis(config, telemetry, [...Object.values(scripts), ...presenceScripts]);
    if (opened !== undefined) disposals.owned(opened);
    const storage = disposals.owned(await openStorage(config, storageEvents(telemetry, onFatal), signal));
    signal?.throwIfAborted();
    const step = faultStep(config.faultAt);
    const redis = opened?.redis;
    const cache = disposals.owned(await composeCache({ config, storage, redis, telemetry, step }));
    const { bus, connect } = disposals.owned(openBus(opened, telemetry));
    await Promise.all([opened?.connect(), connect()]);
    signal?.throwIfAborted();
    const hub = createHub({ maxSocketsPerUser: config.maxSocketsPerUser });
    const parts = { config, storage, cache, redis, bus, hub, telemetry, secret, now };
    const useCases = composeUseCases({ ...parts, ownUrl: () => url });
    const { features, handlers, verify } = useCases;
    disposals.owned(useCases.presence);
    for (const { everyMs, name, work } of useCases.jobs) background(everyMs, name, work);
    disposals.add(() => features.lanes.idle());

    const checks = { database: async () => void (await storage.db.query(ping, [])) };
    const { heard } = useCases.presence;
    const sockets = composeSockets({ config, server: http.server, isAllowed, verify, features, heard, telemetry });
    serving = { handlers, verify, checks };
    disposals.add(
      () => http.close(),
      () => sockets[Symbol.asyncDispose](),
    );
    telemetry.metrics.watch({
      sockets: hub.sockets,
      onlineUsers: useCases.presence.count,
      laneDepth: features.lanes.depth,
      sendQueueBytes: sockets.queueBytes,
      pool: storage.db.pool,
    });
    const database = embedded ? resolve(config.dataDir, "pgdata") : "PostgreSQL";
    telemetry.log.info({ url, database }, "listening");
    return { url, [Symbol.asyncDispose]: disposals[Symbol.asyncDispose] };
  } catch (error) {
    // What the caller must know is why the start failed; what fails because it is given up tells nothing.
    await Promise.allSettled([http.close(), disposals[Symbol.asyncDispose]()]);
    signal?.throwIfAborted();
    throw error;
  }
}

function storageEvents(telemetry: Telemetry, onFatal: AppOptions["onFatal"]): StorageEvents {
  const onOutage = (error: unknown): void => telemetry.failure("database", error);
  return {
    onOutage,
    onEnd(error) {
      onOutage(error);
      onFatal?.(error);
    },
  };
}
