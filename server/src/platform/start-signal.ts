import { deferred } from "./deferred.ts";

/** Lets a start wait until something works, has failed or has said nothing for too long. */
export function createStartSignal() {
  const { promise, resolve } = deferred<boolean>();
  return {
    /** It works, or has failed. */
    fire: (): void => resolve(true),
    /** Resolves when it was fired, or after `timeoutMs`; whether it was. */
    async wait(timeoutMs: number): Promise<boolean> {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      const fired = await promise;
      clearTimeout(timer);
      return fired;
    },
  };
}
