import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { composeAdministration } from "./administration/compose.ts";
import { composeAccounts } from "./accounts/compose.ts";
import { jwtSecret } from "./accounts/jwt-secret.ts";
import { createProfiles, profileKey } from "./accounts/profile-cache.ts";
import { createUserPushes } from "./accounts/user-pushes.ts";
import { createUserViews } from "./accounts/user-view.ts";
import type { Cache } from "./cache/cache.ts";
import { questionOf } from "./cache/answers.ts";
import { scripts } from "./cache/scripts.ts";
import type { Door } from "./accounts/door.ts";
import { openDoor } from "./open/open-door.ts";
import { openBus } from "./open/open-bus.ts";
import { composeCache } from "./open/open-cache.ts";
import type { Config } from "./config.ts";
import { composeConversations } from "./conversations/compose.ts";
import type { Bus } from "./delivery/bus.ts";
import { createHub, type Hub } from "./delivery/hub.ts";
import { composeGroups } from "./groups/compose.ts";
import { createGroupPublisher } from "./groups/group-pushes.ts";
import { membershipStore } from "./groups/membership-store.ts";
import { createOriginPolicy, type IsAllowedOrigin } from "./http/origin.ts";
import { listen } from "./http/listen.ts";
import type { KeptAnswers } from "./http/kept-answers.ts";
import { statesOf, type Dependencies } from "./http/readiness.ts";
import { createHttp, type Serving } from "./http/server.ts";
import { composeMedia } from "./media/compose.ts";
import { coverHistory } from "./messages/cover-history.ts";
import { verifyHistory } from "./messages/verify-history.ts";
import { composeMessages } from "./messages/compose.ts";
import { openRedis } from "./open/open-redis.ts";
import { faultStep } from "./cache/fault-step.ts";
import { openStorage, type Storage, type StorageEvents } from "./open/open-storage.ts";
import { isEmbedded } from "./open/postgres-connection.ts";
import { startWarnings } from "./open/start-warnings.ts";
import { createMediaAddress } from "./platform/media-address.ts";
import { every } from "./platform/periodic-task.ts";
import { createAllowances } from "./platform/allowances.ts";
import { createSharedRates, rateScripts } from "./platform/rates/shared-rates.ts";
import { monotonic as systemMonotonic, wallClock, type Clock } from "./platform/clock.ts";
import { createDisposalStack } from "./platform/disposal-stack.ts";
import { openDatabaseTime } from "./platform/postgres/database-time.ts";
import type { Database } from "./platform/postgres/database.ts";
import { createSigner } from "./platform/signature.ts";
import { statement } from "./platform/postgres/statement.ts";
import type { Redis } from "./platform/redis/redis.ts";
import type { Handlers } from "./platform/route-handlers.ts";
import { composePresence } from "./presence/compose.ts";
import { presenceScripts } from "./presence/presence-keys.ts";
import { composeReleases } from "./releases/compose.ts";
import { openSockets } from "./websocket/sockets.ts";
import { createTelemetry, type Telemetry } from "./platform/telemetry/telemetry.ts";

/**
 * A running server. Disposing it stops accepting, finishes what was taken, and closes everything in reverse order; it may be asked
 * for more than once. What fails on the way is reported, and the first failure is thrown at the end.
 */
export interface App extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** While nobody is administrator: the link by which somebody becomes it. */
  readonly firstAdministrator: string | undefined;
  /** To be called before it is disposed, where others go on: takes DRAIN_SECONDS, or ends soon after `hurry` aborts. */
  drain(hurry: AbortSignal): Promise<void>;
}

export interface AppOptions {
  /** For times and durations alike. Default: the database's clock for times, and one that never steps for durations. */
  now?: Clock;
  /** Gives up a start that is under way: what was opened is closed, and its reason is thrown. */
  signal?: AbortSignal;
  /** How long the start waits for a database that does not answer, in ms; default: not at all. */
  databaseWaitMs?: number;
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
  const { signal, databaseWaitMs: waitMs, onListening, onFatal } = options;
  const monotonic = options.now ?? systemMonotonic;
  const telemetry = createTelemetry({ logLevel: config.logLevel, logFrameSizes: config.wsDebug, monotonic });
  const disposals = createDisposalStack((error) => telemetry.failure("stop", error));
  for (const warning of startWarnings(config)) telemetry.log.warn(warning);
  let serving: Serving | undefined;
  signal?.throwIfAborted();
  const shared = transportParts(config, telemetry, monotonic);
  const http = await createHttp({ ...shared, now: options.now ?? wallClock, serving: () => serving });
  try {
    const url = await listen(http, config);
    onListening?.(url);
    const embedded = isEmbedded(config);
    const key = { given: config.jwtSecret, dataDir: config.dataDir, embedded };
    // Without one every node of an external database would have its own: told before anything is opened.
    if (!embedded) jwtSecret(key);
    const opened = openRedis(config, telemetry, [...Object.values(scripts), ...presenceScripts, ...rateScripts]);
    if (opened !== undefined) disposals.use(opened);
    const storage = disposals.use(await openStorage(config, storageEvents(telemetry, onFatal), { signal, waitMs }));
    signal?.throwIfAborted();
    const databaseTime = await openDatabaseTime(storage.db, monotonic);
    const now = options.now ?? databaseTime.now;
    // Into the data folder, which the embedded database has made its own.
    const secret = jwtSecret(key);
    const redis = opened?.redis;
    if (redis !== undefined) shared.rates.start(redis, secret);
    const core = { config, storage, redis, telemetry, now };
    const cache = disposals.use(await composeCache({ ...core, step: faultStep(config.faultAt) }));
    const between = { redis: opened, postgres: embedded ? undefined : storage.primary };
    const { bus, isAlone, connect } = disposals.use(openBus(between, [secret, config.jwtSecretPrevious], telemetry));
    await Promise.all([opened?.connect(), connect()]);
    signal?.throwIfAborted();
    const hub = createHub(config);
    const aside = between.postgres && storage.aside;
    const door = await openDoor(config, storage.aside, telemetry.log);
    const parts = { ...core, cache, bus, isAlone, aside, hub, secret, monotonic, door };
    const features = composeFeatures(parts, () => url);
    // What was pushed may be lost, and its numbers given out again: all are told anew, by cursors of another epoch.
    storage.primary.onTimeline(() => [...hub.all()].forEach((socket) => socket.end("restart")));
    disposals.use(features.presence);
    const jobs = [...features.jobs, { everyMs: 60_000, name: "database time", work: databaseTime.look }];
    for (const { everyMs, name, work } of jobs)
      disposals.use(every(everyMs, work, (error) => telemetry.failure(name, error)));
    disposals.defer(() => features.messages.idle());
    // What is lost from now on is found.
    await features.messages.missed.sweep();

    const dependencies = dependenciesOf(storage, redis, features.checkStorage);
    const sockets = openSockets({ ...shared, server: http.server, hub, now, ...features });
    const { drain, isStopping } = createDrain(embedded ? 0 : config.drainSeconds * 1_000, sockets);
    serving = { ...features, handlers: features.routes, dependencies, isStopping };
    disposals.defer(
      () => http.close(),
      () => sockets[Symbol.asyncDispose](),
    );
    telemetry.metrics.watch(gaugesOf({ hub, features, sockets, storage, dependencies }));
    telemetry.log.info({ url, database: embedded ? resolve(config.dataDir, "pgdata") : "PostgreSQL" }, "listening");
    return Object.assign(disposals, { url, firstAdministrator: await features.firstAdministrator(), drain });
  } catch (error) {
    // What the caller must know is why the start failed; what fails because it is given up tells nothing.
    await Promise.allSettled([http.close(), disposals[Symbol.asyncDispose]()]);
    signal?.throwIfAborted();
    throw error;
  }
}

/** For the first half of the time it only says that it stops; in the second the sockets leave. */
function createDrain(ms: number, sockets: Pick<ReturnType<typeof openSockets>, "drain">) {
  let stopping = false;
  return {
    isStopping: (): boolean => stopping,
    async drain(hurry: AbortSignal): Promise<void> {
      stopping = true;
      await delay(ms / 2, undefined, { signal: hurry }).catch(() => undefined);
      await sockets.drain(ms / 2, hurry);
    },
  };
}

/** What is there at the moment, for the metrics. */
function gaugesOf(of: {
  hub: Hub;
  features: Features;
  sockets: ReturnType<typeof openSockets>;
  storage: Storage;
  dependencies: Dependencies;
}) {
  return {
    sockets: of.hub.sockets,
    onlineUsers: of.features.presence.count,
    laneDepth: of.features.messages.lanes.depth,
    sendQueueBytes: of.sockets.queueBytes,
    pool: of.storage.db.pool,
    ready: () => statesOf({ ...of.dependencies.required, ...of.dependencies.optional }),
  };
}

/** What HTTP and sockets share. */
function transportParts(config: Config, telemetry: Telemetry, monotonic: Clock) {
  const rates = createSharedRates();
  return {
    config,
    telemetry,
    monotonic,
    isAllowed: openOrigins(config, telemetry),
    rates,
    allowances: createAllowances({ factor: config.userLimits, now: monotonic, onSpent: rates.spent }),
    pause: (ms: number): Promise<void> => delay(ms),
  };
}

/** What is open by the time the features are made. */
interface Opened {
  config: Config;
  storage: Pick<Storage, "db" | "aside">;
  cache: Cache;
  bus: Bus;
  hub: Hub;
  redis: Redis | undefined;
  /** No other node is heard of. */
  isAlone: () => boolean;
  /** Of a database that other nodes may use. */
  aside: Database | undefined;
  telemetry: Telemetry;
  secret: string;
  now: Clock;
  monotonic: Clock;
  door: Door;
}

/** Every feature. */
function composeProduct(opened: Opened, ownUrl: () => string) {
  const { config, storage, cache, bus, telemetry } = opened;
  const { db } = storage;
  const failed = (where: string) => (error: unknown) => telemetry.failure(where, error);
  const base = { ...opened, db, writes: cache.writes };

  const presence = composePresence({ ...base, failure: failed("presence") });
  const mediaBase = (): string => config.publicApiBaseUrl || `${ownUrl()}/api`;
  const views = createUserViews({
    exposeEmails: config.exposeEmails,
    mediaUrl: createMediaAddress(mediaBase).shown,
    presence: presence.source,
    onProfileServed: (userId, ver) => cache.raiseFloor(profileKey(userId), ver),
  });
  const pushes = createUserPushes({ db, bus, views, failure: failed("users") });
  const shared = { ...base, views, pushes, profiles: createProfiles({ db, exposeEmails: config.exposeEmails }) };
  const publishGroupEvent = createGroupPublisher({ bus, memberships: membershipStore(db), failure: failed("groups") });
  const groups = composeGroups({ ...shared, publishGroupEvent });
  const media = composeMedia({ ...shared, base: mediaBase, setIcon: groups.setIcon });
  const messages = composeMessages({ ...shared, media: media.links, sweepFiles: media.sweepAttachments });
  const conversations = composeConversations({ ...shared, advance: messages.advance, groups: messages.groups });
  const closing = { leaveGroups: groups.leaveAll, forgetAvatar: media.forget, erase: messages.erase };
  const accounts = composeAccounts({
    ...shared,
    joinInvited: groups.joinInvited,
    endSockets: (event, sessionIds) => bus.publish([{ ...event, sessionIds }]),
    closing,
  });
  /** A page of the web client, which need not be this server's own. */
  const linkTo = (path: string): string =>
    (config.publicJoinBaseUrl || config.publicApiBaseUrl.replace(/\/api$/, "") || ownUrl()) + path;
  const signer = createSigner([opened.secret, config.jwtSecretPrevious], "om records");
  const administration = composeAdministration({
    ...shared,
    ...closing,
    ...accounts,
    ...accounts.owner,
    sessionDays: config.sessionDays,
    linkTo,
    signer,
    // Where the database has no say: whoever keeps this line knows later whether the log was cut off.
    onSealed: ({ nr, hash }) => telemetry.log.info({ head: `${nr}:${hash}` }, "audit log sealed"),
  });
  const history = {
    cover: () => coverHistory(db, signer),
    verify: (accept: boolean) => verifyHistory(db, signer, { accept }),
  };
  return { presence, groups, media, messages, conversations, accounts, administration, linkTo, history };
}

/**
 * The product: what the transports call of every feature, and what goes on behind them.
 * @param ownUrl where this server is reached, known once it listens
 */
export function composeFeatures(opened: Opened, ownUrl: () => string) {
  const { storage, cache, bus, hub, telemetry } = opened;
  const product = composeProduct(opened, ownUrl);
  const { presence, groups, media, messages, conversations, accounts, administration, linkTo, history } = product;
  const { live } = accounts;
  bus.subscribe(
    (event) => {
      if ("ended" in event) live.refuse(event.userId, event.sessionIds ?? []);
      else if (!messages.missed.take(event)) return;
      hub.deliver(event);
    },
    () => void live.check(true).catch((error: unknown) => telemetry.failure("sessions", error)),
  );

  const routes: Handlers = {
    ...accounts.routes,
    ...conversations.routes,
    ...messages.routes,
    ...groups.routes,
    ...media.routes,
    ...composeReleases(storage.db),
    ...administration.routes,
  };
  const jobs = [
    { everyMs: 2_000, name: "last seen", work: presence.flush },
    { everyMs: 1_000, name: "resume point", work: conversations.markDurable },
    { everyMs: 5_000, name: "sessions", work: () => live.check() },
    { everyMs: 500, name: "ended sessions", work: live.hear },
    { everyMs: 600_000, name: "purge", work: accounts.purge },
    { everyMs: 5_000, name: "history", work: history.cover },
    { everyMs: 1_000, name: "audit log", work: administration.chainActs },
    { everyMs: 600_000, name: "audit log", work: administration.sealActs },
    ...messages.jobs,
    { everyMs: 3_600_000, name: "uploads", work: media.sweep },
    { everyMs: 600_000, name: "attachments", work: media.sweepAttachments },
  ];
  const frames = { ...messages.frames, ...presence.frames };
  const kept: KeptAnswers = {
    knownCaller: live.knownCaller,
    find: (caller, url) => cache.answers.find(questionOf(caller, url)),
    current: cache.answers.current,
  };
  const { verify, useTicket } = live;
  const firstAdministrator = async (): Promise<string | undefined> => {
    const token = await accounts.firstAdministrator();
    return token === undefined ? undefined : linkTo(`/join/${token}`);
  };
  const operator = { ...administration.operator, verifyHistory: history.verify };
  const more = { messages, presence, verify, useTicket, kept, checkStorage: media.check, firstAdministrator, operator };
  return { routes, frames, jobs, ...more };
}
export type Features = ReturnType<typeof composeFeatures>;

/** What /ready asks. */
function dependenciesOf(
  { db, replicas }: Storage,
  redis: Redis | undefined,
  storage: () => Promise<void>,
): Dependencies {
  const checkReplicas = async (): Promise<void> => {
    const { used, all } = replicas?.state() ?? { used: 0, all: 0 };
    if (used < all) throw new Error("a replica is left out");
  };
  const checkRedis = async (): Promise<void> => {
    if (redis?.usable === false) throw new Error("Redis is away");
  };
  return {
    required: { database: async () => void (await db.query(ping, [])) },
    optional: { ...(redis && { redis: checkRedis }), ...(replicas && { replicas: checkReplicas }), storage },
  };
}

/** Which pages may call; the others are named in the log. */
function openOrigins(config: Config, telemetry: Telemetry): IsAllowedOrigin {
  const policy = createOriginPolicy(config.allowedOrigins, [config.publicApiBaseUrl, config.publicJoinBaseUrl]);
  return (origin, host) => {
    const isAllowed = policy(origin, host);
    if (!isAllowed) telemetry.refusedOrigin(origin ?? "");
    return isAllowed;
  };
}

function storageEvents(telemetry: Telemetry, onFatal: AppOptions["onFatal"]): StorageEvents {
  const { lost, back, conflict, moved, replicas } = telemetry.database;
  return {
    replicas,
    onMoved: moved,
    onOutage: lost,
    onBack: back,
    onConflict: conflict,
    onEnd(error) {
      lost(error);
      onFatal?.(error);
    },
  };
}
