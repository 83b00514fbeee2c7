import { OmError } from "./om-error.ts";

/** So long whoever waits for a slot waits at the most, in ms. */
const waitTimeoutMs = 60_000;

/** Lets a few through at a time; a bounded number may wait. */
export function createSemaphore(options: { parallel: number; maxWaiting: number }) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    /** @throws OmError `unavailable` when too many wait already, or for too long */
    async run<T>(work: () => Promise<T>): Promise<T> {
      if (running < options.parallel) running += 1;
      else if (waiting.length >= options.maxWaiting) throw new OmError("unavailable");
      // Whoever is done hands over its slot.
      else await turn(waiting);
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

function turn(waiting: (() => void)[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const enter = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(enter), 1);
      reject(new OmError("unavailable"));
    }, waitTimeoutMs);
    waiting.push(enter);
  });
}

/** A semaphore for each key, as long as somebody uses it. */
export function createSemaphores(options: Parameters<typeof createSemaphore>[0]) {
  const byKey = new Map<number, { semaphore: ReturnType<typeof createSemaphore>; uses: number }>();
  return {
    /** @throws OmError `unavailable` as `createSemaphore` does */
    async run<T>(key: number, work: () => Promise<T>): Promise<T> {
      const entry = byKey.get(key) ?? { semaphore: createSemaphore(options), uses: 0 };
      byKey.set(key, entry);
      entry.uses += 1;
      try {
        return await entry.semaphore.run(work);
      } finally {
        entry.uses -= 1;
        if (entry.uses === 0) byKey.delete(key);
      }
    },
  };
}
