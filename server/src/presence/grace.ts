/** Users whose last socket is closed and who may be back in a moment: a phone that changes networks comes back at once. */
export interface Grace extends Disposable {
  /** Calls `onOver` when the grace is over, unless the user is back by then. */
  start(userId: number): void;
  /** True when the user was still in grace, so that nothing has happened. */
  cancel(userId: number): boolean;
}

export function createGrace(ms: number, onOver: (userId: number) => void): Grace {
  const leaving = new Map<number, ReturnType<typeof setTimeout>>();
  return {
    start(userId) {
      clearTimeout(leaving.get(userId));
      const over = (): void => {
        leaving.delete(userId);
        onOver(userId);
      };
      leaving.set(userId, setTimeout(over, ms));
    },
    cancel(userId) {
      clearTimeout(leaving.get(userId));
      return leaving.delete(userId);
    },
    [Symbol.dispose]() {
      for (const timer of leaving.values()) clearTimeout(timer);
      leaving.clear();
    },
  };
}
