/**
 * Runs `work` every `ms`, never twice at once, until it is disposed, which waits for the run that is under way. An error goes to
 * `onError` and the loop goes on.
 */
export function every(ms: number, work: () => Promise<unknown>, onError: (error: unknown) => void) {
  let running: Promise<void> | undefined;
  const run = (): Promise<void> => {
    running ??= work()
      .then(() => undefined, onError)
      .finally(() => (running = undefined));
    return running;
  };
  const timer = setInterval(() => void run(), ms);
  timer.unref();
  return {
    /** Runs now, beside the schedule; resolves when done. Errors go where those of the schedule go. */
    runNow: run,
    async [Symbol.asyncDispose](): Promise<void> {
      clearInterval(timer);
      await running;
    },
  };
}
export type PeriodicTask = ReturnType<typeof every>;
