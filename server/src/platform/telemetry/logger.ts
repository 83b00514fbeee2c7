import { pino, type Logger } from "pino";

export type { Logger };

/** JSON lines on standard output. What is logged is chosen field by field; these paths are a second fence around secrets. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ["*.authorization", "*.cookie", "*.token", "*.password", "*.refresh_token", "*.access_token", "headers"],
      censor: "[redacted]",
    },
  });
}

/** An address as it may be logged: tokens in its query are not. */
export function redactUrl(url: string): string {
  return url.replace(/([?&](?:token|access_token|refresh_token)=)[^&#]*/gi, "$1[redacted]");
}
