import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostUrls } from "../config-kinds.ts";
import { ConfigError, type Config } from "../config.ts";
import type { Endpoint } from "../platform/redis/connection.ts";

/** One server, or a cluster by some of its nodes. */
export type RedisEndpoints =
  | { kind: "standalone"; endpoint: Endpoint }
  | { kind: "cluster"; seeds: readonly Endpoint[] };

/** REDIS_URL, else REDIS_ADDR; undefined: there is no cache. @throws ConfigError */
export function parseRedisEndpoints(config: Config): RedisEndpoints | undefined {
  const { redisUrl, redisAddr, redisCluster } = config;
  const name = redisUrl === "" ? "REDIS_ADDR" : "REDIS_URL";
  const urls = redisUrl === "" ? addresses(redisAddr) : hostUrls(redisUrl);
  const endpoints = urls.map((url) => endpointOf(new URL(url), config));
  const [endpoint] = endpoints;
  if (endpoint === undefined) return undefined;
  if (!redisCluster) {
    if (endpoints.length > 1)
      throw new ConfigError(`${name}: several addresses are those of a cluster: set REDIS_CLUSTER=true`);
    return { kind: "standalone", endpoint };
  }
  if (endpoint.db !== 0) {
    const which = endpoint.db === config.redisDb ? "REDIS_DB" : name;
    throw new ConfigError(`${which}: a cluster has no database ${endpoint.db}; allowed with REDIS_CLUSTER: 0`);
  }
  return { kind: "cluster", seeds: endpoints.map((seed) => ({ ...seed, inCluster: true })) };
}

const addresses = (list: string): string[] =>
  list === "" ? [] : list.split(",").map((address) => `redis://${address}`);

function endpointOf(url: URL, config: Config): Endpoint {
  const secure = url.protocol === "rediss:";
  const database = url.pathname.slice(1);
  return {
    // The brackets of an IPv6 address belong to the URL alone.
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || 6379),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password) || config.redisPassword,
    db: database === "" ? config.redisDb : Number(database),
    tls: secure ? authority(config.redisCaFile) : withoutTls(config.redisCaFile),
  };
}

function authority(file: string): { ca?: Buffer } {
  if (file === "") return {};
  try {
    const ca = readFileSync(file);
    // TLS itself would take anything, and then trust nobody.
    void new X509Certificate(ca).subject;
    return { ca };
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : "it holds no certificate";
    throw new ConfigError(`REDIS_CA_FILE: ${JSON.stringify(file)} cannot be used: ${why}; allowed: a PEM file`);
  }
}

function withoutTls(file: string): undefined {
  if (file !== "") throw new ConfigError("REDIS_CA_FILE: it needs a REDIS_URL that begins with rediss://");
}
