import { OmError } from "./om-error.ts";

interface Waiter {
  enter(): void;
  refuse(error: OmError): void;
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

  function makeRoom(key: string | number): void {
    let [longest, length] = [key, queues.get(key)?.length ?? 0];
    for (const [other, queue] of queues) if (queue.length > length + 1) [longest, length] = [other, queue.length];
    if (longest === key) throw new OmError("unavailable");
    queues.get(longest)?.pop()?.refuse(new OmError("unavailable"));
    waiting -= 1;
  }

  function wait(key: string | number): Promise<void> {
    if (waiting >= options.maxWaiting) makeRoom(key);
    waiting += 1;
    return new Promise((enter, refuse) => {
      const queue = queues.get(key) ?? [];
      queues.set(key, queue);
      queue.push({ enter, refuse });
    });
  }

  function next(): Waiter | undefined {
    const [first] = queues;
    if (first === undefined) return undefined;
    const [key, queue] = first;
    queues.delete(key);
    if (queue.length > 1) queues.set(key, queue);
    waiting -= 1;
    return queue.shift();
  }

  return {
    /** @param key who asks. @throws OmError `unavailable` when too many wait already */
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
