import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigError, type Config } from "./config.ts";
import type { Endpoint } from "./platform/redis/connection.ts";

/** REDIS_URL, else REDIS_ADDR; undefined: there is no cache. @throws ConfigError */
export function redisEndpoint(config: Config): Endpoint | undefined {
  const address = config.redisUrl || (config.redisAddr === "" ? "" : `redis://${config.redisAddr}`);
  if (address === "") return undefined;
  const url = new URL(address);
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
