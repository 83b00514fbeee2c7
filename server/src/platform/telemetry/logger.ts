import { routes } from "@om/protocol";
import { pino, type DestinationStream, type Logger } from "pino";
import { identity } from "../identity.ts";

export type { Logger };

const secretKeys = ["authorization", "cookie", "set-cookie", "token", "password", "password_hash", "secret"];
const paths = [...secretKeys, "refresh_token", "access_token", "refreshToken", "headers"].flatMap((key) => [
  `["${key}"]`,
  `*["${key}"]`,
]);

/** Access tokens, and tokens in queries, wherever they stand in a line; what comes in between is escaped JSON text. */
const secretTexts = /\beyJ[\w-]+\.[\w-]+\.[\w-]*|((?:^|[?&#;])(?:\w+_)?(?:token|ticket)=)[^&#\s"\\]+/gi;

/**
 * JSON lines on standard output. What is logged is chosen field by field; a second fence removes secrets by their keys, a third by
 * their look.
 */
export function createLogger(level: string, destination: DestinationStream = process.stdout): Logger {
  const options = {
    level,
    base: identity,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    redact: { paths, censor: "[redacted]" },
    hooks: { streamWrite: (line: string) => line.replaceAll(secretTexts, "$1[redacted]") },
  };
  return pino(options, destination);
}

/** What an error is, without the values that PostgreSQL quotes: they may be somebody's words. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, constraint, severity } = error as { code?: unknown; constraint?: unknown; severity?: unknown };
  // Of class 22 the message quotes the value that could not be used.
  const quotes = severity !== undefined && typeof code === "string" && code.startsWith("22");
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return {
    type: error.constructor.name,
    message: quotes ? "a value cannot be used" : error.message,
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    stack: frames.join("\n"),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** Parts of paths that a secret follows, as the routes have them: `join`, `invite-links`. */
const beforeSecrets = Object.values(routes).flatMap(({ path }) => /\/([^/]+)\/:token/.exec(path)?.slice(1) ?? []);
const secretParts = new RegExp(`(/(?:${[...new Set(beforeSecrets)].join("|")})/).+$`, "i");

/** A path as it may be logged: without its query, and without the token of an invite. */
export function loggedPath(url: string): string {
  const [path = ""] = url.split(/[?#]/, 1);
  return path.replace(secretParts, "$1[redacted]").slice(0, 500);
}
