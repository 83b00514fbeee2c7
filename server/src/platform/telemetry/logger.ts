import { pino, type DestinationStream, type Logger } from "pino";

export type { Logger };

const secretKeys = ["authorization", "cookie", "set-cookie", "token", "password", "password_hash", "secret"];
const paths = [...secretKeys, "refresh_token", "access_token", "refreshToken", "headers"].flatMap((key) => [
  `["${key}"]`,
  `*["${key}"]`,
]);

/** Access tokens, and tokens in queries, wherever they stand in a line; what comes in between is escaped JSON text. */
const secretTexts = /\beyJ[\w-]+\.[\w-]+\.[\w-]*|((?:^|[?&])(?:\w+_)?(?:token|ticket)=)[^&#\s"\\]+/gi;

/**
 * JSON lines on standard output. What is logged is chosen field by field; a second fence removes secrets by their keys, a third by
 * their look.
 */
export function createLogger(level: string, destination: DestinationStream = process.stdout): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths, censor: "[redacted]" },
    hooks: { streamWrite: (line: string) => line.replaceAll(secretTexts, "$1[redacted]") },
  };
  return pino(options, destination);
}

/** An address as it may be logged: tokens in its query are not, however their names are written. */
export function redactUrl(url: string): string {
  const [path = "", ...query] = url.split("?");
  if (query.length === 0) return url;
  return `${path}?${query.join("?").split("&").map(redactPair).join("&")}`;
}

function redactPair(pair: string): string {
  const [name = ""] = pair.split("=");
  return /token|ticket|secret|password/i.test(decoded(name)) ? `${name}=[redacted]` : pair;
}

function decoded(text: string): string {
  return [...new URLSearchParams(text).keys()].join("");
}
