/**
 * Users whose last socket is closed and who may be back in a moment: a phone that changes networks comes back at once.
 * @param onOver called when the grace is over, unless the user is back by then
 */
export function createGrace(ms: number, onOver: (userId: number) => void) {
  const leaving = new Map<number, ReturnType<typeof setTimeout>>();
  return {
    start(userId: number): void {
      clearTimeout(leaving.get(userId));
      const over = (): void => {
        leaving.delete(userId);
        onOver(userId);
      };
      leaving.set(userId, setTimeout(over, ms));
    },
    /** True when the user was still in grace, so that nothing has happened. */
    cancel(userId: number): boolean {
      clearTimeout(leaving.get(userId));
      return leaving.delete(userId);
    },
    [Symbol.dispose](): void {
      for (const timer of leaving.values()) clearTimeout(timer);
      leaving.clear();
    },
  };
}
