import { createAccessTokens } from "./accounts/access-token.ts";
import { profileKey } from "./accounts/profile-cache.ts";
import { createUserViews } from "./accounts/user-view.ts";
import type { Cache } from "./cache/cache.ts";
import { composeAccounts } from "./compose-accounts.ts";
import { composeFeatures, type Features } from "./compose-features.ts";
import { composeGroups } from "./compose-groups.ts";
import { composeMedia } from "./compose-media.ts";
import { composePresence, type PresenceParts } from "./compose-presence.ts";
import { composeReleases } from "./compose-releases.ts";
import type { Config } from "./config.ts";
import type { Bus } from "./delivery/bus.ts";
import type { Hub } from "./delivery/hub.ts";
import { createAnnounce } from "./groups/group-pushes.ts";
import { membershipStore } from "./groups/membership-store.ts";
import type { Handlers } from "./http/handlers.ts";
import type { Storage } from "./open/open-storage.ts";
import type { VerifyToken } from "./platform/caller.ts";
import type { Clock } from "./platform/clock.ts";
import type { Redis } from "./platform/redis/redis.ts";
import { createStatistics } from "./platform/postgres/statistics.ts";
import type { Telemetry } from "./platform/telemetry/telemetry.ts";

/** Work that is done every so often, in ms; what goes wrong is reported under its name. */
interface Job {
  everyMs: number;
  name: string;
  work: () => Promise<unknown>;
}

/** Everything that the transports call, and what goes on behind them. */
export interface UseCases {
  handlers: Handlers;
  features: Features;
  presence: PresenceParts;
  verify: VerifyToken;
  jobs: Job[];
}

export function composeUseCases(deps: {
  config: Config;
  storage: Storage;
  cache: Cache;
  bus: Bus;
  hub: Hub;
  redis: Redis | undefined;
  telemetry: Telemetry;
  secret: string;
  now: Clock;
  /** Where this server is reached, known once it listens. */
  ownUrl: () => string;
}): UseCases {
  const { config, storage, cache, bus, hub, redis, telemetry, secret, now } = deps;
  const { db } = storage;
  const { writes } = cache;
  const failed = (where: string) => (error: unknown) => telemetry.failure(where, error);
  const presence = composePresence({ db, writes, bus, hub, redis, now, failure: failed("presence") });
  const onShown = (userId: number, ver: number): void => cache.seen(profileKey(userId), ver);
  const views = createUserViews({ exposeEmails: config.exposeEmails, lookup: presence.lookup, onShown });
  const tokens = createAccessTokens(secret, now);
  bus.subscribe((event) => {
    if ("ended" in event) tokens.refuse(event.sessionIds ?? []);
    hub.deliver(event);
  });
  const mediaBase = (): string => config.publicApiBaseUrl || `${deps.ownUrl()}/api`;
  const announce = createAnnounce({ bus, memberships: membershipStore(db), failure: failed("groups") });
  const groups = composeGroups({ config, db, writes, views, announce });
  const media = composeMedia({ config, db, writes, views, base: mediaBase, setIcon: groups.setIcon, telemetry, now });
  const accounts = composeAccounts({
    config,
    db,
    writes,
    tokens,
    views,
    secret,
    now,
    endSockets: (event, sessionIds) => bus.publish([{ ...event, sessionIds }]),
    async beforeClosing(userId) {
      await groups.leaveAll(userId);
      await media.forget(userId);
    },
  });
  const features = composeFeatures({ config, storage, cache, bus, hub, views, telemetry, mediaBase });
  return {
    handlers: { ...accounts.routes, ...features.routes, ...groups.routes, ...media.routes, ...composeReleases(db) },
    features,
    presence,
    verify: tokens.verify,
    jobs: [
      { everyMs: 2_000, name: "last seen", work: presence.flush },
      { everyMs: 1_000, name: "resume point", work: features.markDurable },
      { everyMs: 600_000, name: "purge", work: accounts.purge },
      { everyMs: 3_600_000, name: "uploads", work: media.sweep },
      { everyMs: 600_000, name: "attachments", work: media.sweepAttachments },
      ...(storage.kind === "embedded"
        ? [{ everyMs: 30_000, name: "statistics", work: createStatistics(db).refresh }]
        : []),
    ],
  };
}
