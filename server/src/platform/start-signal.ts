import { deferred } from "./deferred.ts";

/** Lets a start wait until something works, has failed or has said nothing for too long. */
export interface StartSignal {
  /** It works, or has failed. */
  fire(): void;
  /** Resolves when it was fired, or after `timeoutMs`; whether it was. */
  wait(timeoutMs: number): Promise<boolean>;
}

export function createStartSignal(): StartSignal {
  const { promise, resolve } = deferred<boolean>();
  return {
    fire: () => resolve(true),
    async wait(timeoutMs) {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      const fired = await promise;
      clearTimeout(timer);
      return fired;
    },
  };
}
