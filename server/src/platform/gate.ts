import { OmError } from "./om-error.ts";

/** Lets a few through at a time; a bounded number may wait. */
export interface Gate {
  /** @throws OmError `unavailable` when too many wait already */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createGate(options: { parallel: number; maxWaiting: number }): Gate {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return {
    async run(work) {
      if (inside < options.parallel) inside += 1;
      else if (waiting.length >= options.maxWaiting) throw new OmError("unavailable");
      // Whoever leaves hands over its place.
      else await new Promise<void>((enter) => waiting.push(enter));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) inside -= 1;
        else next();
      }
    },
  };
}
