import { OmError } from "./om-error.ts";

/** Lets a few through at a time; a bounded number may wait. */
export function createSemaphore(options: { parallel: number; maxWaiting: number }) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    /** @throws OmError `unavailable` when too many wait already */
    async run<T>(work: () => Promise<T>): Promise<T> {
      if (running < options.parallel) running += 1;
      else if (waiting.length >= options.maxWaiting) throw new OmError("unavailable");
      // Whoever is done hands over its slot.
      else await new Promise<void>((enter) => waiting.push(enter));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
}
