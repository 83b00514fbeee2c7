import { randomUUID } from "node:crypto";
import { createHub, type HubSocket } from "../delivery/hub.ts";
import type { Redis } from "../platform/redis/redis.ts";
import { presenceScripts } from "../presence/online-keys.ts";
import type { PresenceChange } from "../presence/presence.ts";
import { RedisPresence, type PresenceTimes } from "../presence/redis-presence.ts";
import { shortGrace, type OpenedPresence } from "./presence-suite.ts";
import type { PresenceRedis } from "./presence-redis.ts";
import { until } from "./redis-clients.ts";

/** A node as far as presence is concerned: sockets, and its own connection to Redis. */
export interface PresenceNode extends OpenedPresence {
  presence: RedisPresence;
  changes: PresenceChange[];
  /** Of everything that went wrong. */
  failures: unknown[];
  /** One more device of a user; returns how it goes. */
  connect(userId: number): () => void;
  /** Cut off from Redis from one moment to the next, without a word, as by kill -9. */
  kill(): Promise<void>;
}

/** Everything happens in milliseconds, but nobody is dead by being slow. */
const quick: Partial<PresenceTimes> = {
  graceMs: shortGrace,
  beatMs: 10,
  lifeMs: 60_000,
  refreshMs: 300,
  heardMs: 100,
  settleMs: 50,
  lookupMs: 5_000,
  callMs: 5_000,
};

/** @param over puts something between presence and its client of Redis */
export async function openNode(
  at: Pick<PresenceRedis, "client">,
  times: Partial<PresenceTimes> = {},
  over: (redis: Redis) => Redis = (redis) => redis,
): Promise<PresenceNode> {
  const redis = at.client({ scripts: presenceScripts });
  await until(redis, true);
  const failures: unknown[] = [];
  const presence = new RedisPresence({
    redis: over(redis),
    newNode: () => `test-${randomUUID()}`,
    failure: (error) => void failures.push(error),
    times: { ...quick, ...times },
  });
  const changes: PresenceChange[] = [];
  presence.onChange((change) => changes.push(change));
  const hub = createHub({ maxSocketsPerUser: 0 });
  hub.onPresence((userId, online) => (online ? presence.came(userId) : presence.went(userId)));
  return {
    presence,
    changes,
    failures,
    connect(userId) {
      const socket = deviceOf(userId);
      hub.add(socket);
      return () => hub.remove(socket);
    },
    kill: async () => redis[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await presence[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}

function deviceOf(userId: number): HubSocket {
  const nothing = (): void => undefined;
  return {
    id: randomUUID(),
    userId,
    sessionId: undefined,
    resuming: true,
    push: nothing,
    evict: nothing,
    end: nothing,
  };
}
