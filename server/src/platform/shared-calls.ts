import { OmError } from "./om-error.ts";

/**
 * Calls that are made for many together: one at a time, and whoever comes meanwhile shares the next.
 * @param options.most so many may share one; whoever is too many gets OmError `unavailable`
 */
export function createSharedCalls<Item, Answer>(options: {
  most: number;
  call: (items: readonly Item[]) => Promise<Answer>;
}): (item: Item) => Promise<Answer> {
  let running: Promise<unknown> = Promise.resolve();
  let gathering: { items: Item[]; answer: Promise<Answer> } | undefined;
  return async (item) => {
    if (gathering === undefined) {
      const items: Item[] = [];
      const answer = running.then(() => {
        gathering = undefined;
        return options.call(items);
      });
      running = answer.catch(() => undefined);
      gathering = { items, answer };
    }
    if (gathering.items.length >= options.most) throw new OmError("unavailable");
    gathering.items.push(item);
    return gathering.answer;
  };
}
