import { isIP } from "node:net";
import type { Registration } from "@om/protocol";
import { cacheSteps } from "./cache/steps.ts";
import { readFault } from "./cache/fault-step.ts";

/** What a setting may hold; `parse` returns the value or throws a text that says what is allowed. */
export interface Kind<T> {
  allowed: string;
  /** What an unset setting without default is; "" when it is not said. */
  empty?: T;
  parse(text: string): T | undefined;
}

export const text: Kind<string> = { allowed: "any text", parse: (value) => value };
/** Of entries that fit; none when it is empty. */
const listOf = (allowed: string, fits: (entry: string) => boolean): Kind<string[]> => ({
  allowed: `a comma-separated list of ${allowed}`,
  empty: [],
  parse(value) {
    const entries = value.split(",").map((entry) => entry.trim());
    const given = entries.filter((entry) => entry !== "");
    return given.every(fits) ? given : undefined;
  },
});
const flags = new Map(Object.entries({ true: true, 1: true, false: false, 0: false }));
export const flag: Kind<boolean> = { allowed: "true or false", parse: (value) => flags.get(value.toLowerCase()) };
export const whole = (min: number, max: number): Kind<number> => ({
  allowed: `a whole number from ${min} to ${max}`,
  parse: (value) =>
    /^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined,
});
export const oneOf = <const T extends string>(...values: T[]): Kind<T> => ({
  allowed: `one of ${values.join(", ")}`,
  parse: (value) => values.find((known) => known.toLowerCase() === value.toLowerCase()),
});
export const origins = listOf("origins such as https://chat.example.org, without path and without *", (entry) =>
  /^[a-z][a-z0-9+.-]*:\/\/[^/?#*\s]+$/i.test(entry),
);
export const networks = listOf("addresses and networks such as 10.0.0.0/8", (entry) => {
  if (["loopback", "linklocal", "uniquelocal"].includes(entry)) return true;
  const [, address = "", bits = "1"] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(bits) >= 1 && Number(bits) <= (family === 4 ? 32 : 128);
});
export const baseUrl: Kind<string> = {
  allowed: "an http or https URL without query",
  parse: (value) => (/^https?:\/\/[^/?#\s][^?#\s]*$/i.test(value) ? value.replace(/\/+$/, "") : undefined),
};
export const apiUrl: Kind<string> = {
  allowed: `${baseUrl.allowed} that ends with /api`,
  parse(value) {
    const url = baseUrl.parse(value);
    return url?.endsWith("/api") ? url : undefined;
  },
};
const matching = (pattern: RegExp, allowed: string): Kind<string> => ({
  allowed,
  parse: (value) => (pattern.test(value) ? value : undefined),
});
/** Set in the place of a URL it says that a new embedded database is meant. */
export const embeddedDatabase = "embedded";
/** Read as the driver reads it; what is not encoded in a password would end up in the host, and from there in the log. */
export const postgresUrl: Kind<string> = {
  allowed: `a URL such as postgresql://user:password@host:5432/name, with @ / # ? : % of the password written as %40 %2F %23 %3F %3A %25, and several hosts separated by commas; or ${embeddedDatabase}`,
  parse: (value) =>
    value === embeddedDatabase || (hostUrls(value).every(isPostgresUrl) && isEncoded(value)) ? value : undefined,
};
export const postgresUrls: Kind<string[]> = {
  allowed: "URLs as of DATABASE_URL with one host each, separated by commas",
  empty: [],
  parse(value) {
    const urls = value.split(/\s*,\s*(?=postgres(?:ql)?:\/\/)/);
    return urls.every((url) => hostUrls(url).length === 1 && isPostgresUrl(url) && isEncoded(url)) ? urls : undefined;
  },
};

/** Of one host. */
function isPostgresUrl(value: string): boolean {
  // Without a host the driver takes the one of a query, which is the folder of a socket.
  const url = value.replace(/^(\w+:\/\/(?:[^/@]*@)?)(?=\/)/, "$1localhost");
  if (!/^postgres(ql)?:\/\/[^\s#@]*(?:@[^\s#@]*)?$/.test(value) || !URL.canParse(url)) return false;
  const { pathname, searchParams } = new URL(url);
  const mode = searchParams.get("sslmode");
  const target = searchParams.get("target_session_attrs") ?? "read-write";
  return (
    /^(?:\/[^/:]*)?$/.test(pathname) &&
    (mode === null || sslMode.parse(mode) !== undefined) &&
    // What else libpq knows would let a standby be the database.
    ["read-write", "primary"].includes(target)
  );
}

export const sslMode = oneOf("disable", "prefer", "require", "verify-ca", "verify-full");
export const hostAndPort = matching(
  /^(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/i,
  "a host and, if it is not the usual one, a port, such as storage.example.org:9000",
);
export const host = matching(/^[a-z0-9._:%-]+$/i, "an address or a name, such as 0.0.0.0, :: or localhost");
export const domain = matching(
  /^\.?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i,
  "a domain such as example.org, without scheme and port",
);
export const domains = listOf("domains such as example.org", (entry) =>
  /^[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+$/u.test(entry),
);
export const door: Kind<Registration | ""> = {
  ...oneOf("open", "invite", "domains", "approval", "closed"),
  empty: "",
};
export const redisUrl: Kind<string> = {
  allowed:
    "a URL such as redis://user:password@host:6379/0, or rediss:// for TLS; of a cluster several hosts, separated by commas",
  parse: (value) =>
    /^rediss?:\/\/[^\s/?#]+(?:\/\d{0,6})?$/.test(value) &&
    hostUrls(value).every((url) => URL.canParse(url) && new URL(url).hostname !== "" && isEncoded(url))
      ? value
      : undefined,
};
export const redisAddress: Kind<string> = {
  allowed: "a host and, if it is not 6379, a port, such as localhost:6379; of a cluster several, separated by commas",
  parse: (value) =>
    value.split(",").every((one) => hostAndPort.parse(one) !== undefined && URL.canParse(`redis://${one}`))
      ? value
      : undefined,
};

/** One URL for each host of a URL that names several. */
export function hostUrls(value: string): string[] {
  const [, front = "", hosts = "", path = ""] = /^(\w+:\/\/(?:[^/]*@)?)([^/?]*)(.*)$/.exec(value) ?? [];
  return hosts.split(",").map((host) => `${front}${host}${path}`);
}

function isEncoded(text: string): boolean {
  try {
    return decodeURIComponent(text) !== "";
  } catch {
    return false;
  }
}

export const faultPoint: Kind<string> = {
  allowed: `<step>:<probability>; steps: ${cacheSteps.join(", ")}`,
  parse: (value) => (readFault(value) === undefined ? undefined : value),
};
