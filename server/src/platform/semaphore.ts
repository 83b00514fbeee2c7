import { OmError } from "./om-error.ts";

/** So long whoever waits for a slot waits at the most, in ms. */
const waitTimeoutMs = 60_000;

interface Waiter {
  enter(): void;
  refuse(error: OmError): void;
  timer: NodeJS.Timeout;
}

/**
 * Lets a few through at a time; a bounded number may wait. Those of different keys take turns, so whoever asks often waits for
 * themselves; when there is no room, the last one of the longest queue has to go.
 */
export function createSemaphore(options: { parallel: number; maxWaiting: number }) {
  /** By key; whose turn is next comes first, and no queue is empty. */
  const queues = new Map<string | number, Waiter[]>();
  let running = 0;
  let waiting = 0;

  /** Takes one of a queue; what is left of it waits for its next turn. */
  function take(key: string | number, waiter: Waiter | undefined): void {
    const rest = (queues.get(key) ?? []).filter((other) => other !== waiter);
    queues.delete(key);
    if (rest.length > 0) queues.set(key, rest);
    waiting -= 1;
    clearTimeout(waiter?.timer);
  }

  function refuse(key: string | number, waiter: Waiter): void {
    take(key, waiter);
    waiter.refuse(new OmError("unavailable"));
  }

  function makeRoom(key: string | number): void {
    let [longest, last, length] = [key, undefined as Waiter | undefined, (queues.get(key)?.length ?? 0) + 1];
    for (const [other, queue] of queues) {
      if (queue.length > length) [longest, last, length] = [other, queue.at(-1), queue.length];
    }
    if (last === undefined) throw new OmError("unavailable");
    refuse(longest, last);
  }

  function wait(key: string | number): Promise<void> {
    if (waiting >= options.maxWaiting) makeRoom(key);
    waiting += 1;
    return new Promise((enter, reject) => {
      const waiter: Waiter = { enter, refuse: reject, timer: setTimeout(() => refuse(key, waiter), waitTimeoutMs) };
      queues.set(key, [...(queues.get(key) ?? []), waiter]);
    });
  }

  function next(): Waiter | undefined {
    const [first] = queues;
    if (first === undefined) return undefined;
    const [key, [waiter]] = first;
    take(key, waiter);
    return waiter;
  }

  return {
    /** @param key who asks. @throws OmError `unavailable` when too many wait already, or for too long */
    async run<T>(work: () => Promise<T>, key: string | number = ""): Promise<T> {
      if (running < options.parallel) running += 1;
      // Whoever is done hands over its slot.
      else await wait(key);
      try {
        return await work();
      } finally {
        const waiter = next();
        if (waiter === undefined) running -= 1;
        else waiter.enter();
      }
    },
  };
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
