/** A loop that runs until it is disposed; disposing waits for the run that is under way. */
export interface PeriodicTask extends AsyncDisposable {
  /** Runs now, beside the schedule; resolves when done. Errors go where those of the schedule go. */
  runNow(): Promise<void>;
}

/** Runs `work` every `ms`, never twice at once. An error goes to `onError` and the loop goes on. */
export function every(ms: number, work: () => Promise<unknown>, onError: (error: unknown) => void): PeriodicTask {
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
    runNow: run,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}
