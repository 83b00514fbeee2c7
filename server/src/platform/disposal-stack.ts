/**
 * What must be undone when the process stops. Disposing takes the steps back in reverse order, once: a second call waits for the
 * first. A step that fails is reported and does not keep the others from their turn; the first such error is thrown at the end.
 */
export function createDisposalStack(report: (error: unknown) => void) {
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
    /** Steps that are given together run side by side. */
    defer: (...steps: (() => unknown)[]): void => void pending.push(steps),
    /** Takes over a thing with a life, and returns it. */
    use<T extends AsyncDisposable>(thing: T): T {
      pending.push([() => thing[Symbol.asyncDispose]()]);
      return thing;
    },
    [Symbol.asyncDispose]: (): Promise<void> => (running ??= run()),
  };
}
export type DisposalStack = ReturnType<typeof createDisposalStack>;
