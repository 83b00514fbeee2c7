import type { AddressInfo } from "node:net";
import { createAccessTokens } from "./accounts/access-token.ts";
import { jwtSecret } from "./accounts/jwt-secret.ts";
import { createUserViews } from "./accounts/user-view.ts";
import { composeAccounts } from "./compose-accounts.ts";
import { composeFeatures } from "./compose-features.ts";
import { composeMedia } from "./compose-media.ts";
import { composeSockets } from "./compose-sockets.ts";
import type { Config } from "./config.ts";
import { createHub } from "./delivery/hub.ts";
import { createLocalBus } from "./delivery/local-bus.ts";
import { createOriginPolicy } from "./http/origin.ts";
import { createHttp } from "./http/server.ts";
import { iconSetter } from "./media/group-avatar.ts";
import { groupIconStore } from "./media/group-icon-store.ts";
import { externalConnection, openStorage } from "./open-storage.ts";
import { every } from "./platform/background.ts";
import type { Clock } from "./platform/clock.ts";
import { statement } from "./platform/postgres/statement.ts";
import { createTelemetry } from "./platform/telemetry/telemetry.ts";
import { createLastSeen } from "./presence/last-seen.ts";

/** A running server. Disposing it stops accepting, finishes what was taken, and closes everything in reverse order. */
export interface App extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
}

/** What a test may put in the place of the real thing. */
export interface Overrides {
  now?: Clock;
}

const ping = statement<{ ok: number }>("app.ping", "select 1 as ok");

/** The one composition root: builds everything in order, and disposes in reverse. @throws ConfigError, SchemaError, FolderInUse */
export async function startApp(config: Config, { now = Date.now }: Overrides = {}): Promise<App> {
  const disposals: (() => unknown)[] = [];
  const owned = <T extends AsyncDisposable>(thing: T): T => {
    disposals.push(() => thing[Symbol.asyncDispose]());
    return thing;
  };
  const dispose = async (): Promise<void> => {
    for (let next = disposals.pop(); next !== undefined; next = disposals.pop()) await next();
  };
  let url = "";
  const embedded = externalConnection(config) === undefined;
  const secret = jwtSecret({ given: config.jwtSecret, dataDir: config.dataDir, embedded });
  const telemetry = createTelemetry({ logLevel: config.logLevel, logFrameSizes: config.wsDebug, now });
  const background = (ms: number, where: string, work: () => Promise<unknown>): void => {
    owned(every(ms, work, (error) => telemetry.failure(where, error)));
  };
  try {
    const storage = owned(await openStorage(config, (error) => telemetry.failure("database", error)));
    const bus = createLocalBus((error) => telemetry.failure("bus", error));
    const hub = createHub({ maxSocketsPerUser: config.maxSocketsPerUser });
    bus.subscribe(hub.deliver);
    const lastSeen = createLastSeen({ db: storage.db, now });
    hub.onPresence((userId, online) => online || lastSeen.note(userId));
    const views = createUserViews({ exposeEmails: config.exposeEmails, isOnline: hub.isOnline });
    const tokens = createAccessTokens(secret, now);
    const accounts = composeAccounts({ config, db: storage.db, tokens, views, secret, now });
    const mediaBase = (): string => config.publicApiBaseUrl || `${url}/api`;
    const features = composeFeatures({ config, storage, bus, hub, views, telemetry, mediaBase });
    const setIcon = iconSetter(groupIconStore(storage.db));
    const media = composeMedia({ config, db: storage.db, views, base: mediaBase, setIcon, telemetry, now });
    disposals.push(() => lastSeen.flush());
    background(2_000, "last seen", lastSeen.flush);
    background(1_000, "resume point", features.markDurable);
    background(600_000, "purge", accounts.purge);
    background(3_600_000, "uploads", media.sweep);
    disposals.push(() => features.lanes.idle());

    const isAllowed = createOriginPolicy(config.allowedOrigins);
    const handlers = { ...accounts.routes, ...features.routes, ...media.routes };
    const checks = { database: async () => void (await storage.db.query(ping, [])) };
    const http = await createHttp({ config, handlers, verify: tokens.verify, isAllowed, telemetry, checks, now });
    const { verify } = tokens;
    const sockets = composeSockets({ config, server: http.server, isAllowed, verify, features, telemetry });
    disposals.push(() => Promise.all([http.close(), sockets[Symbol.asyncDispose]()]));
    telemetry.metrics.watch({
      sockets: hub.sockets,
      laneDepth: features.lanes.depth,
      sendQueueBytes: sockets.queueBytes,
      pool: storage.db.pool,
    });
    await http.listen({ host: config.host, port: config.port });
    const { port } = http.server.address() as AddressInfo;
    url = `http://${shownHost(config.host)}:${port}`;
    telemetry.log.info({ port, database: storage.kind }, "listening");
    return { url, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** A host that a browser on this machine can open. */
function shownHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
