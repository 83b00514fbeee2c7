import { createInterface } from "node:readline";
import type { Actions } from "./actions.ts";
import type { Line, Model, ConversationModel } from "./model.ts";
import { safeText } from "./text.ts";

/** The chat without a terminal, for scripts and pipes: each line read is entered, each line of others is printed. */
export function startLineMode(deps: {
  model: Model;
  actions: Actions;
  /** Resolves when everything entered is with the server. */
  drained: () => Promise<void>;
  quit: () => void;
}): {
  show(conversation: ConversationModel | undefined): void;
} {
  /** Message id → what was printed of it. */
  const printed = new Map<number, string>();
  const input = createInterface({ input: process.stdin });
  let entered = Promise.resolve();
  let notice = deps.model.notice;
  input.on("line", (line) => {
    // A command may be about the lines before it.
    if (line.startsWith("/")) entered = entered.then(deps.drained);
    entered = entered.then(() => deps.actions.enter(line));
  });
  input.on("close", () => void entered.then(deps.drained).then(deps.quit));
  return {
    show(conversation) {
      if (deps.model.notice !== notice) {
        notice = deps.model.notice;
        console.log(`* ${notice}`);
      }
      for (const line of conversation?.lines ?? []) {
        const text = `${nameOf(conversation, line)}: ${safeText(line.text)}${line.isEdited === true ? " (edited)" : ""}`;
        if (line.mine || printed.get(line.id) === text) continue;
        printed.set(line.id, text);
        console.log(text);
      }
    },
  };
}

function nameOf(conversation: ConversationModel | undefined, line: Line): string {
  const group = conversation !== undefined && "groupId" in conversation.target ? `${conversation.name}/` : "";
  return safeText(`${group}${line.name}`);
}
