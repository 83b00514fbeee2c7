import type { RedisServer } from "@om/services";
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
