import { OmApiError } from "../api-error.ts";
import { createCommands, openWith, CommandError } from "./commands.ts";
import { notify, selectedConversation, sortedConversations, type ConversationModel } from "./model.ts";
import { createConversationActions, type ChatDeps } from "./conversation-actions.ts";
import { helpSheet } from "./screen.ts";

/** What a user can do, as the screen and the line mode both offer it. What goes wrong is said, and the chat goes on. */
export interface Actions {
  /**
   * A line that was entered: a command, or a message to the open conversation. `isText`: a message, whatever it looks like.
   * @returns whether it was carried out; of a message: whether it is on its way
   */
  enter(text: string, as?: { isText: boolean }): Promise<boolean>;
  /** Opens the conversation that many places further down the list. */
  move(by: number): Promise<boolean>;
  /** Reads older lines of the open conversation. */
  older(): Promise<boolean>;
  openWith(name: string): Promise<boolean>;
  closeSheet(): void;
  /** Tells the server that what is on screen has been read. */
  seen(conversation: ConversationModel): void;
  /** What can be typed and what it does, in pairs. */
  help: readonly (readonly [usage: string, does: string])[];
}

export function createActions(deps: ChatDeps): Actions {
  const { model, changed } = deps;
  const conversations = createConversationActions(deps);
  const commands = createCommands(deps, conversations);
  const help = Object.entries(commands).map(
    ([name, { takes, does }]) => [takes === undefined ? name : `${name} ${takes}`, does] as const,
  );

  const showSheet = (rows: readonly string[] | undefined) => void Object.assign(model, { sheet: rows, scroll: 0 });

  async function command(name: string, rest: string): Promise<void> {
    if (name === "/help") return showSheet(helpSheet(help));
    const found = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (found === undefined) throw new CommandError(`there is no ${name}; /help shows what there is`);
    if (found.takes !== undefined && rest === "") throw new CommandError(`it goes ${name} ${found.takes}`);
    const rows = await found.run(rest);
    if (rows !== undefined) showSheet(rows);
  }

  async function enter(text: string, isText: boolean): Promise<void> {
    if (model.sheet !== undefined) showSheet(undefined);
    if (text.trim() === "") return;
    const [, name = "", rest = ""] = (isText ? null : /^(\/\S*)\s*(.*)$/s.exec(text.trim())) ?? [];
    const conversation = selectedConversation(model);
    if (name !== "") await command(name, rest);
    else if (conversation === undefined) throw new CommandError("open somebody first: /open NAME");
    else conversations.send(conversation, text);
  }

  async function move(by: number): Promise<void> {
    showSheet(undefined);
    const sorted = sortedConversations(model);
    const at = sorted.findIndex(({ id }) => id === model.openId);
    const next = sorted[Math.max(0, Math.min(sorted.length - 1, at < 0 ? 0 : at + by))];
    if (next !== undefined) await conversations.open(next);
  }

  async function older(): Promise<void> {
    const conversation = selectedConversation(model);
    if (conversation !== undefined && !conversation.complete) await conversations.load(conversation);
  }

  async function guarded(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      const isKnown = error instanceof OmApiError || error instanceof CommandError || error instanceof RangeError;
      notify(model, isKnown ? error.message : "the server did not answer");
      return false;
    } finally {
      changed();
    }
  }

  return {
    help,
    seen: conversations.seen,
    closeSheet: () => showSheet(undefined),
    openWith: (name) => guarded(() => openWith(deps, conversations, name)),
    older: () => guarded(older),
    move: (by) => guarded(() => move(by)),
    enter: (text, { isText } = { isText: false }) => guarded(() => enter(text, isText)),
  };
}
