import type { ConnectionEvents } from "./connection-events.ts";
import type { Events } from "./events.ts";

export const endedError = (): Error => new Error("the connection has ended");

/**
 * Resolves when nothing waits to be sent.
 * @param patienceMs how long the server may take nothing; undefined: for ever
 * @throws when it does, or when the connection ends before
 */
export function whenDrained(
  outbox: { waiting(): number; hasEnded(): boolean; on: Events<ConnectionEvents>["on"] },
  patienceMs: number | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      for (const off of offs) off();
      if (error === undefined) resolve();
      else reject(error);
    };
    const check = (): void => {
      const waiting = outbox.waiting();
      if (waiting === 0) settle();
      else if (outbox.hasEnded()) settle(endedError());
    };
    const progress = (): void => {
      clearTimeout(timer);
      if (patienceMs !== undefined)
        timer = setTimeout(() => settle(new Error(`${outbox.waiting()} messages are not sent yet`)), patienceMs);
      check();
    };
    const offs = [outbox.on("acked", progress), outbox.on("refused", progress), outbox.on("status", check)];
    progress();
  });
}
