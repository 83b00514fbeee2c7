import { isIP } from "node:net";
import { ConfigError } from "../config.ts";

/** TRUST_PROXY as Fastify takes it. @throws ConfigError for what is no address or network */
export function trustedProxies(entries: string[]): string[] | false {
  const wrong = entries.find((entry) => !isNetwork(entry));
  if (wrong !== undefined) {
    throw new ConfigError(`TRUST_PROXY: ${JSON.stringify(wrong)} is no address or network such as 10.0.0.0/8`);
  }
  return entries.length > 0 ? entries : false;
}

function isNetwork(entry: string): boolean {
  if (["loopback", "linklocal", "uniquelocal"].includes(entry)) return true;
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const family = isIP(address);
  return family !== 0 && (bits === undefined || (Number(bits) >= 1 && Number(bits) <= (family === 4 ? 32 : 128)));
}
