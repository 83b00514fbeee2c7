/** Lets a start wait for the first news of something that may also say nothing. */
export interface FirstNews {
  /** There is news, good or bad. */
  came(): void;
  /** Resolves when there is, or after `patienceMs`; whether there was. */
  wait(patienceMs: number): Promise<boolean>;
}

export function createFirstNews(): FirstNews {
  let came: (is: boolean) => void = () => undefined;
  const news = new Promise<boolean>((resolve) => (came = resolve));
  return {
    came: () => came(true),
    async wait(patienceMs) {
      const timer = setTimeout(() => came(false), patienceMs);
      const is = await news;
      clearTimeout(timer);
      return is;
    },
  };
}
