import { createInterface } from "node:readline";
import type { Actions } from "./actions.ts";
import type { Line, Model, ConversationModel } from "./model.ts";
import { render } from "./style.ts";

/** The chat without a terminal, for scripts and pipes: each line read is entered, each line of others is printed. */
export interface LineMode {
  show(conversation: ConversationModel | undefined): void;
  /** Resolves at the end of the input, when all of it is with the server. */
  ended: Promise<void>;
  /** Whether everything that was entered was carried out, and if a conversation is open, anything was. */
  isDone(): boolean;
}

/** Lines that are read ahead of what the server has taken. */
const maxAhead = 500;

export function startLineMode(deps: {
  model: Model;
  actions: Actions;
  input: NodeJS.ReadableStream;
  print: (line: string) => void;
  /** Resolves when everything entered is with the server. @throws when it does not get there */
  drained: () => Promise<void>;
}): LineMode {
  const { model, actions } = deps;
  /** Message id → its text as it was printed. */
  const printed = new Map<number, string>();
  const print = (line: string): void => deps.print(render([line]));
  let { notice, sheet } = model;
  let isDone = true;

  let sinceDrained = 0;
  let entered = 0;

  async function enter(line: string): Promise<void> {
    // A command may be about the lines before it, and only so many may wait.
    if (line.startsWith("/") || sinceDrained >= maxAhead) {
      await deps.drained();
      sinceDrained = 0;
    }
    sinceDrained += 1;
    entered += 1;
    const done = await actions.enter(line);
    isDone &&= done;
  }

  async function read(): Promise<void> {
    for await (const line of createInterface({ input: deps.input })) await enter(line);
    await deps.drained();
  }

  return {
    ended: read(),
    isDone: () => isDone && model.refused === 0 && (entered > 0 || model.openId === undefined),
    show(conversation) {
      if (model.notice !== notice) print(`* ${model.notice?.text ?? ""}`);
      if (model.sheet !== sheet) for (const row of model.sheet ?? []) print(`* ${row}`);
      ({ notice, sheet } = model);
      for (const line of conversation?.lines ?? []) {
        if (line.mine || printed.get(line.id) === line.text) continue;
        printed.set(line.id, line.text);
        print(`${nameOf(conversation, line)}: ${line.text}${line.isEdited === true ? " (edited)" : ""}`);
      }
    },
  };
}

function nameOf(conversation: ConversationModel | undefined, line: Line): string {
  const group = conversation !== undefined && "groupId" in conversation.target ? `${conversation.name}/` : "";
  return `${group}${line.name}`;
}
