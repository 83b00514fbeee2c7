import type { Breaker } from "./breaker.ts";

/** Tries Redis while the breaker is not closed, until it is. */
export interface Trials {
  /** The breaker may have opened. */
  check(): void;
  /** There is a connection again: do not wait. */
  tryNow(): void;
  stop(): void;
}

/** @param options.attempt whether Redis answered as it should; undefined when there was no connection to ask */
export function createTrials(options: {
  breaker: Breaker;
  attempt: () => Promise<boolean | undefined>;
  /** The breaker may have changed. */
  onTried: () => void;
}): Trials {
  const { breaker, attempt, onTried } = options;
  let timer: NodeJS.Timeout | undefined;
  let trying = false;
  let stopped = false;

  async function run(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (breaker.state === "closed" || trying || stopped) return;
    trying = true;
    const good = await attempt();
    trying = false;
    if (good !== undefined) {
      breaker.tried(good);
      onTried();
    }
    check();
  }

  function check(): void {
    if (breaker.state === "closed" || trying || stopped) return;
    timer ??= setTimeout(() => void run(), breaker.pause).unref();
  }

  return {
    check,
    tryNow: () => void run(),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
