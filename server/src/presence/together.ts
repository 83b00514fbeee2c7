/** The answers, or the first error once all have ended: so nothing is overtaken by what failed. */
export async function together<T extends readonly Promise<unknown>[]>(
  calls: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(calls);
  return Promise.all(calls);
}
