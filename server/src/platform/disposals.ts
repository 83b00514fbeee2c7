/** What must be undone when the process stops. */
export interface Disposals extends AsyncDisposable {
  /** Steps that are given together run side by side. */
  add(...steps: (() => unknown)[]): void;
  /** Takes over a thing with a life, and returns it. */
  owned<T extends AsyncDisposable>(thing: T): T;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Disposing takes the steps back in reverse order, once: a second call waits for the first. A step that fails is reported and does
 * not keep the others from their turn; the first such error is thrown at the end.
 */
export function createDisposals(report: (error: unknown) => void): Disposals {
  const pending: (() => unknown)[][] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    const errors: unknown[] = [];
    for (let steps = pending.pop(); steps !== undefined; steps = pending.pop()) {
      const outcomes = await Promise.allSettled(steps.map(async (step) => step()));
      errors.push(...outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : [])));
    }
    errors.forEach(report);
    if (errors.length > 0) throw errors[0];
  }

  return {
    add: (...steps) => void pending.push(steps),
    owned(thing) {
      pending.push([() => thing[Symbol.asyncDispose]()]);
      return thing;
    },
    [Symbol.asyncDispose]: () => (running ??= run()),
  };
}
