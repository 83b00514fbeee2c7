/** Who wants to read right after somebody's write was acknowledged waits here: that is when a cache is most likely to be wrong. */
export interface ChangeEvents {
  notify(object: string): void;
  /** Resolves with the first of the objects that changes, or with undefined after `ms`. */
  wait(objects: readonly string[], ms: number): Promise<string | undefined>;
}

export function createChangeEvents(): ChangeEvents {
  const waiting = new Map<string, Set<(object: string) => void>>();
  return {
    notify(object) {
      const all = waiting.get(object);
      waiting.delete(object);
      for (const wake of all ?? []) wake(object);
    },
    wait: (objects, ms) =>
      new Promise((resolve) => {
        const end = (object: string | undefined): void => {
          clearTimeout(timer);
          for (const name of objects) waiting.get(name)?.delete(wake);
          resolve(object);
        };
        const wake = (object: string): void => end(object);
        const timer = setTimeout(() => end(undefined), ms);
        for (const name of objects) {
          const known = waiting.get(name) ?? new Set();
          waiting.set(name, known.add(wake));
        }
      }),
  };
}
