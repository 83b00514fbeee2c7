import { useSyncExternalStore } from "react";

/** At most so often the screen follows, in ms; the first change is drawn at once. */
const frameMs = 16;

/** Tells the page that something changed; what came in one burst is drawn once. */
export class Observable {
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #toldAt = -frameMs;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  protected changed(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#toldAt + frameMs - performance.now());
    this.#timer = setTimeout(() => this.tell(), wait);
  }

  /** What somebody does here is seen at once. */
  protected tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#toldAt = performance.now();
    for (const listener of this.#listeners) listener();
  }
}

/** @param look must give the same value as long as nothing changed */
export function useObserved<T>(store: Observable, look: () => T): T {
  return useSyncExternalStore(store.subscribe, look);
}
