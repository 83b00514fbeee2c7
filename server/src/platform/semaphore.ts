import { OmError } from "./om-error.ts";

/** Lets a few through at a time; a bounded number may wait. */
export interface Semaphore {
  /** @throws OmError `unavailable` when too many wait already */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createSemaphore(options: { parallel: number; maxWaiting: number }): Semaphore {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    async run(work) {
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
