/** Listeners by event name; a listener's error is its own and stops no other. */
export interface Events<Map extends object> {
  /** @returns a function that removes the listener */
  on<N extends keyof Map>(name: N, listener: (event: Map[N]) => void): () => void;
  emit<N extends keyof Map>(name: N, event: Map[N]): void;
}

export function createEvents<Map extends object>(): Events<Map> {
  const listeners = new globalThis.Map<keyof Map, Set<(event: never) => void>>();
  return {
    on(name, listener) {
      const known = listeners.get(name) ?? new Set();
      listeners.set(name, known);
      known.add(listener);
      return () => void known.delete(listener);
    },
    emit(name, event) {
      for (const listener of listeners.get(name) ?? []) {
        try {
          listener(event as never);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}
