import { deferred } from "./deferred.ts";

/** Lets a start wait for the first news of something that may also say nothing. */
export interface FirstNews {
  /** There is news, good or bad. */
  came(): void;
  /** Resolves when there is, or after `patienceMs`; whether there was. */
  wait(patienceMs: number): Promise<boolean>;
}

export function createFirstNews(): FirstNews {
  const { promise, resolve } = deferred<boolean>();
  return {
    came: () => resolve(true),
    async wait(patienceMs) {
      const timer = setTimeout(() => resolve(false), patienceMs);
      const came = await promise;
      clearTimeout(timer);
      return came;
    },
  };
}
