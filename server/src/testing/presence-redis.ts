import { startRedis, startRedisCluster, type RedisServer } from "@om/services";
import type { RedisOptions } from "../platform/redis/redis-client.ts";
import type { Redis } from "../platform/redis/redis.ts";
import { clusterClient, redisClient } from "./redis-clients.ts";

/** Where presence is kept, to be tested alike. */
export const places = ["standalone", "cluster"] as const;

/** A Redis alone, or that master of a cluster which has all keys of presence. */
export interface PresenceRedis extends AsyncDisposable {
  server: RedisServer;
  /** Stands in front of the names of keys. */
  tag: string;
  client(options: Omit<RedisOptions, "endpoint">): Redis;
}

export async function startPresenceRedis(place: (typeof places)[number]): Promise<PresenceRedis> {
  if (place === "standalone") {
    const server = await startRedis();
    const client: PresenceRedis["client"] = (options) => redisClient(server, options);
    return { server, tag: "", client, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }
  const cluster = await startRedisCluster();
  const tag = "{presence}";
  return {
    server: cluster.masters[cluster.ownerOf(tag)] as RedisServer,
    tag,
    client: (options) => clusterClient(cluster, options),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}
