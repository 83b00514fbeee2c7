import type { RedisCluster, RedisServer } from "@om/services";
import { ClusterClient, type ClusterOptions } from "../platform/redis/cluster-client.ts";
import { RedisClient, type RedisOptions } from "../platform/redis/redis-client.ts";
import type { Redis } from "../platform/redis/redis.ts";

/** A client of the server or proxy on `port` of loopback, connecting already unless checks are to be added first. */
export function redisClient(
  { port }: Pick<RedisServer, "port">,
  options: Omit<Partial<RedisOptions>, "endpoint"> & { endpoint?: Partial<RedisOptions["endpoint"]>; idle?: true } = {},
): RedisClient {
  const endpoint = { host: "127.0.0.1", port, username: "", password: "", db: 0, tls: undefined, ...options.endpoint };
  const client = new RedisClient({ ...options, endpoint });
  if (options.idle === undefined) client.start();
  return client;
}

/** A client of the cluster, connecting already unless checks are to be added first. */
export function clusterClient(
  { masters }: Pick<RedisCluster, "masters">,
  options: Omit<Partial<ClusterOptions>, "seeds"> & { idle?: true } = {},
): ClusterClient {
  const who = { host: "127.0.0.1", username: "", password: "", db: 0, tls: undefined, inCluster: true };
  const client = new ClusterClient({ ...options, seeds: masters.map(({ port }) => ({ ...who, port })) });
  if (options.idle === undefined) client.start();
  return client;
}

/** Resolves when the client has become usable, or unusable. */
export async function until(redis: Redis, usable: boolean): Promise<void> {
  if (redis.usable === usable) return;
  await new Promise<void>((resolve) => redis.onUsable((now) => now === usable && resolve()));
}

/** Why a call failed, or "answered". */
export async function endOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "answered",
    (error: { reason?: string; message: string }) => error.reason ?? error.message,
  );
}

/** The same Redis, asked in another way. */
export function askedBy(redis: Redis, ways: Pick<Redis, "call" | "script">): Redis {
  return {
    ...ways,
    isSharded: redis.isSharded,
    get usable() {
      return redis.usable;
    },
    get runId() {
      return redis.runId;
    },
    get breaker() {
      return redis.breaker;
    },
    onReady: (check) => redis.onReady(check),
    onUsable: (listener) => redis.onUsable(listener),
    start: () => redis.start(),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

/** The same Redis, but nobody is too late for his deadline: for tests about what is answered, on a machine that may be busy. */
export function patient(redis: Redis): Redis {
  const deadline = 30_000;
  return askedBy(redis, {
    call: (_, command, ...args) => redis.call(deadline, command, ...args),
    script: (_, script, keys, args) => redis.script(deadline, script, keys, args),
  });
}
