import type { Logger } from "./logger.ts";

/** Told when it begins, then once a minute if its reason changes; `end` tells whether it had begun. */
export function createOutage(log: Logger, now: () => number, level: "warn" | "error" = "warn") {
  let last: { why: string; at: number } | undefined;
  return {
    begin(why: string, text: string): void {
      if (last !== undefined && (last.why === why || now() - last.at < 60_000)) return;
      last = { why, at: now() };
      log[level](text);
    },
    end(): boolean {
      const begun = last !== undefined;
      last = undefined;
      return begun;
    },
  };
}
