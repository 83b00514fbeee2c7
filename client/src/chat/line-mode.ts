import { createInterface } from "node:readline";
import type { Actions } from "./actions.ts";
import type { Model, Talk } from "./model.ts";
import { safeText } from "./text.ts";

/** The chat without a terminal, for scripts and pipes: each line read is entered, each line of others is printed. */
export function startLineMode(deps: {
  model: Model;
  actions: Actions;
  /** Resolves when everything entered is with the server. */
  drained: () => Promise<void>;
  quit: () => void;
}): {
  show(talk: Talk | undefined): void;
} {
  const printed = new Set<number>();
  const input = createInterface({ input: process.stdin });
  let entered = Promise.resolve();
  let notice = deps.model.notice;
  input.on("line", (line) => {
    entered = entered.then(() => deps.actions.enter(line));
  });
  input.on("close", () => void entered.then(deps.drained).then(deps.quit));
  return {
    show(talk) {
      if (deps.model.notice !== notice) {
        notice = deps.model.notice;
        console.log(`* ${notice}`);
      }
      for (const line of talk?.lines ?? []) {
        if (line.mine || printed.has(line.id)) continue;
        printed.add(line.id);
        console.log(`${safeText(talk?.name ?? "")}: ${safeText(line.text)}`);
      }
    },
  };
}
