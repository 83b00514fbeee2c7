import type { AddressInfo } from "node:net";
import { jwtSecret } from "./accounts/jwt-secret.ts";
import { scripts } from "./cache/scripts.ts";
import { openBus } from "./open/open-bus.ts";
import { composeCache } from "./open/open-cache.ts";
import { composeUseCases } from "./compose.ts";
import { composeSockets } from "./compose-sockets.ts";
import type { Config } from "./config.ts";
import { createHub } from "./delivery/hub.ts";
import { createOriginPolicy } from "./http/origin.ts";
import { createHttp } from "./http/server.ts";
import { openRedis } from "./open/open-redis.ts";
import { faultStep } from "./cache/fault-step.ts";
import { externalConnection, openStorage, type StorageEvents } from "./open/open-storage.ts";
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
  /** The server cannot go on and should be disposed; called once. Default: it is only reported. */
  onFatal?: (error: Error) => void;
}

const ping = statement<{ ok: number }>("app.ping", "select 1 as ok");

/** The one composition root: builds everything in order, and disposes in reverse. @throws ConfigError, SchemaError, FolderInUse */
export async function startApp(config: Config, { now = Date.now, onFatal }: AppOptions = {}): Promise<App> {
  let url = "";
  const embedded = externalConnection(config) === undefined;
  const secret = jwtSecret({ given: config.jwtSecret, dataDir: config.dataDir, embedded });
  const telemetry = createTelemetry({ logLevel: config.logLevel, logFrameSizes: config.wsDebug, now });
  const disposals = createDisposals((error) => telemetry.failure("stop", error));
  const background = (ms: number, where: string, work: () => Promise<unknown>): void => {
    disposals.owned(every(ms, work, (error) => telemetry.failure(where, error)));
  };
  try {
    const opened = openRedis(config, telemetry, [...Object.values(scripts), ...presenceScripts]);
    if (opened !== undefined) disposals.owned(opened);
    const storage = disposals.owned(await openStorage(config, storageEvents(telemetry, onFatal)));
    const step = faultStep(config.faultAt);
    const redis = opened?.redis;
    const cache = disposals.owned(await composeCache({ config, storage, redis, telemetry, step }));
    const { bus, connect } = disposals.owned(openBus(opened, telemetry));
    await Promise.all([opened?.connect(), connect()]);
    const hub = createHub({ maxSocketsPerUser: config.maxSocketsPerUser });
    const parts = { config, storage, cache, redis, bus, hub, telemetry, secret, now };
    const useCases = composeUseCases({ ...parts, ownUrl: () => url });
    const { features, handlers, verify } = useCases;
    disposals.owned(useCases.presence);
    for (const { everyMs, name, work } of useCases.jobs) background(everyMs, name, work);
    disposals.add(() => features.lanes.idle());

    const isAllowed = createOriginPolicy(config.allowedOrigins);
    const checks = { database: async () => void (await storage.db.query(ping, [])) };
    const http = await createHttp({ config, handlers, verify, isAllowed, telemetry, checks, now });
    const { heard } = useCases.presence;
    const sockets = composeSockets({ config, server: http.server, isAllowed, verify, features, heard, telemetry });
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
    await http.listen({ host: config.host, port: config.port });
    const { port } = http.server.address() as AddressInfo;
    url = `http://${shownHost(config.host)}:${port}`;
    telemetry.log.info({ port, database: storage.kind }, "listening");
    return { url, [Symbol.asyncDispose]: disposals[Symbol.asyncDispose] };
  } catch (error) {
    // What the caller must know is why the start failed.
    await disposals[Symbol.asyncDispose]().catch(() => undefined);
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

/** A host that a browser on this machine can open. */
function shownHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
