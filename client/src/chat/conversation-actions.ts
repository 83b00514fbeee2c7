import type { Message } from "@om/protocol";
import type { Api } from "../api.ts";
import type { OmConnection } from "../connection.ts";
import { applyHistory } from "./follow.ts";
import { acknowledgeLine } from "./lines.ts";
import { notify, type Line, type Model, type ConversationModel } from "./model.ts";

/** What the actions work with. */
export interface ChatDeps {
  api: Api;
  connection: OmConnection;
  model: Model;
  changed: () => void;
  quit: () => void;
}

/** What can be done with one conversation. */
export interface ConversationActions {
  send(conversation: ConversationModel, text: string, replyTo?: Line): void;
  /** Reads a page of older lines. */
  load(conversation: ConversationModel): Promise<void>;
  /** Tells the server that what is on screen has been read. */
  seen(conversation: ConversationModel): void;
  open(conversation: ConversationModel): Promise<void>;
}

const pageSize = 100;

export function createConversationActions({ api, connection, model, changed }: ChatDeps): ConversationActions {
  const load = createLoader({ api, model });

  function send(conversation: ConversationModel, text: string, replyTo?: Line): void {
    const reply = replyTo === undefined ? {} : { replyTo: replyTo.id };
    const { clientId, acked } = connection.send({ to: conversation.target, content: text, ...reply });
    const at = Math.floor(model.now() / 1000);
    const line: Line = { id: 0, seq: 0, clientId, mine: true, name: model.self.name, text, at };
    if (replyTo !== undefined) line.quote = { id: replyTo.id, name: replyTo.name, text: replyTo.text };
    conversation.lines.push(line);
    conversation.lastAt = at;
    model.scroll = 0;
    acked
      .then(
        ({ server_id: id, seq }) => acknowledgeLine(conversation, clientId, { id, seq }),
        (error: Error) => {
          line.refused = true;
          model.refused += 1;
          notify(model, error.message);
        },
      )
      .finally(changed);
  }

  function seen(conversation: ConversationModel): void {
    const newest = conversation.lines.findLast(({ mine }) => !mine);
    if (newest !== undefined && newest.id > conversation.seen) {
      conversation.seen = newest.id;
      connection.markRead(newest.id);
    }
    conversation.unread = 0;
  }

  /** Of a group it is asked who has read how far; a person's position comes with the conversation. */
  async function loadReaders(conversation: ConversationModel): Promise<void> {
    if (!("groupId" in conversation.target)) return;
    const { members } = await api.groupReadState({ params: { id: conversation.target.groupId } });
    for (const one of members) {
      if (one.user_id !== model.self.id) conversation.read = Math.max(conversation.read, one.last_read_message_id);
    }
  }

  async function open(conversation: ConversationModel): Promise<void> {
    model.openId = conversation.id;
    model.sheet = undefined;
    model.scroll = 0;
    if (!conversation.loaded) await Promise.all([load(conversation), loadReaders(conversation)]);
    seen(conversation);
  }

  return { send, load, seen, open };
}

/** @returns what reads a page of older lines; who asks again meanwhile waits for the same */
function createLoader({
  api,
  model,
}: Pick<ChatDeps, "api" | "model">): (conversation: ConversationModel) => Promise<void> {
  /** Pages under way. */
  const loads = new Map<ConversationModel, Promise<void>>();

  function load(conversation: ConversationModel): Promise<void> {
    const load = loads.get(conversation) ?? loadPage(conversation).finally(() => loads.delete(conversation));
    loads.set(conversation, load);
    return load;
  }

  async function loadPage(conversation: ConversationModel): Promise<void> {
    const oldest = conversation.loaded ? conversation.lines.find(({ id }) => id > 0)?.id : undefined;
    const { messages, next_cursor: next } = await page(conversation, { limit: pageSize, cursor: oldest });
    applyHistory(model, conversation, messages, next === undefined);
  }

  function page(
    conversation: ConversationModel,
    query: { limit: number; cursor: number | undefined },
  ): Promise<{ messages: Message[]; next_cursor?: number }> {
    const { target } = conversation;
    return "userId" in target
      ? api.history({ query: { ...query, recipient_id: target.userId } })
      : api.groupHistory({ params: { id: target.groupId }, query });
  }

  return load;
}
