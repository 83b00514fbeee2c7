/** Gathers items for `waitMs` after the first, `most` at the most, so that many that come one by one are taken together. */
export function createGathering<Item>(options: { waitMs: number; most: number; take: (items: Item[]) => void }) {
  let gathered: Item[] = [];
  let timer: NodeJS.Timeout | undefined;
  /** Takes at once what has been gathered. */
  function flush(): void {
    clearTimeout(timer);
    const items = gathered;
    gathered = [];
    if (items.length > 0) options.take(items);
  }
  return {
    add(item: Item): void {
      const count = gathered.push(item);
      if (count === options.most) flush();
      else if (count === 1) timer = setTimeout(flush, options.waitMs);
    },
    flush,
  };
}
