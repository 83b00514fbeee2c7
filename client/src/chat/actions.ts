import { OmApiError } from "../api-error.ts";
import { createCommands, openWith, CommandError } from "./commands.ts";
import { selectedConversation, sortedConversations, type ConversationModel } from "./model.ts";
import { createConversationActions, type ChatDeps } from "./conversation-actions.ts";

/** What a user can do, as the screen and the line mode both offer it. */
export interface Actions {
  /** A line that was entered: a command, or a message to the open conversation. */
  enter(text: string): Promise<void>;
  /** Opens the conversation that many places further down the list. */
  move(by: number): Promise<void>;
  /** Reads older lines of the open conversation. */
  older(): Promise<void>;
  openWith(name: string): Promise<void>;
  /** Tells the server that what is on screen has been read. */
  seen(conversation: ConversationModel): void;
  /** What can be typed and what it does, in pairs. */
  help: readonly (readonly [usage: string, does: string])[];
}

export function createActions(deps: ChatDeps): Actions {
  const { model, changed } = deps;
  const conversations = createConversationActions(deps);
  const commands = createCommands(deps, conversations);
  const usage = Object.entries(commands).map(
    ([name, { takes, does }]) => [takes === undefined ? name : `${name} ${takes}`, does] as const,
  );

  async function command(name: string, rest: string): Promise<void> {
    const found = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (found !== undefined && (found.takes === undefined || rest !== "")) return await found.run(rest);
    model.showsHelp = true;
    model.notice = usage.map(([text]) => text).join(" · ");
  }

  async function enter(text: string): Promise<void> {
    model.showsHelp = false;
    if (text.trim() === "") return;
    const [, name = "", rest = ""] = /^(\/\S*)\s*(.*)$/s.exec(text.trim()) ?? [];
    const conversation = selectedConversation(model);
    if (name !== "") await command(name, rest);
    else if (conversation === undefined) throw new CommandError("open somebody first: /open NAME");
    else conversations.send(conversation, text);
  }

  async function move(by: number): Promise<void> {
    model.showsHelp = false;
    const sorted = sortedConversations(model);
    const at = sorted.findIndex(({ id }) => id === model.openId);
    const next = sorted[Math.max(0, Math.min(sorted.length - 1, at < 0 ? 0 : at + by))];
    if (next !== undefined) await conversations.open(next);
  }

  async function older(): Promise<void> {
    const conversation = selectedConversation(model);
    if (conversation !== undefined && !conversation.complete) await conversations.load(conversation);
  }

  /** What went wrong is shown, and the chat goes on. */
  async function guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const isKnown = error instanceof OmApiError || error instanceof CommandError || error instanceof RangeError;
      model.notice = isKnown ? error.message : "the server did not answer";
    }
    changed();
  }

  return {
    help: usage,
    seen: conversations.seen,
    openWith: (name) => guarded(() => openWith(deps, conversations, name)),
    older: () => guarded(older),
    move: (by) => guarded(() => move(by)),
    enter: (text) => guarded(() => enter(text)),
  };
}
