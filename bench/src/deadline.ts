/**
 * Waits for `work`, but not longer than `ms`.
 * @param what that is waited for; asked only when it is late, so that it can tell how far things have come
 * @throws Error that says so
 */
export async function within<T>(ms: number, what: string | (() => string), work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`gave up after ${ms / 1000} s: ${typeof what === "string" ? what : what()}`));
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
