import type { Message } from "@om/protocol";
import type { Api } from "../api.ts";
import type { OmConnection } from "../connection.ts";
import { takeHistory } from "./follow.ts";
import { placeLine } from "./lines.ts";
import type { Line, Model, Talk } from "./model.ts";

/** What the actions work with. */
export interface ChatDeps {
  api: Api;
  connection: OmConnection;
  model: Model;
  changed: () => void;
  quit: () => void;
}

/** What can be done with one talk. */
export interface TalkActions {
  send(talk: Talk, text: string, replyTo?: Line): void;
  /** Reads older lines. */
  load(talk: Talk): Promise<void>;
  /** Tells the server that what is on screen has been read. */
  seen(talk: Talk): void;
  open(talk: Talk): Promise<void>;
}

const pageSize = 50;

export function createTalkActions({ api, connection, model, changed }: ChatDeps): TalkActions {
  function send(talk: Talk, text: string, replyTo?: Line): void {
    const reply = replyTo === undefined ? {} : { replyTo: replyTo.id };
    const { clientId, acked } = connection.send({ to: talk.target, content: text, ...reply });
    const at = Math.floor(model.now() / 1000);
    const line: Line = { id: 0, seq: 0, clientId, mine: true, name: model.self.name, text, at };
    if (replyTo !== undefined) line.quote = { id: replyTo.id, name: replyTo.name, text: replyTo.text };
    talk.lines.push(line);
    talk.lastAt = at;
    model.scroll = 0;
    acked
      .then(
        ({ server_id: id, seq }) => placeLine(talk, clientId, { id, seq }),
        (error: Error) => {
          line.refused = true;
          model.notice = error.message;
        },
      )
      .finally(changed);
  }

  async function load(talk: Talk): Promise<void> {
    const oldest = talk.loaded ? talk.lines.find(({ id }) => id > 0)?.id : undefined;
    const { messages } = await page(talk, { limit: pageSize, cursor: oldest });
    takeHistory(model, talk, messages, messages.length < pageSize);
  }

  function page(talk: Talk, query: { limit: number; cursor: number | undefined }): Promise<{ messages: Message[] }> {
    const { target } = talk;
    return "userId" in target
      ? api.history({ query: { ...query, recipient_id: target.userId } })
      : api.groupHistory({ params: { id: target.groupId }, query });
  }

  function seen(talk: Talk): void {
    const newest = talk.lines.findLast(({ mine }) => !mine);
    if (newest !== undefined && newest.id > talk.seen) {
      talk.seen = newest.id;
      connection.markRead(newest.id);
    }
    talk.unread = 0;
  }

  /** Of a group it is asked who has read how far; a person's position comes with the conversation. */
  async function loadReaders(talk: Talk): Promise<void> {
    if (!("groupId" in talk.target)) return;
    const { members } = await api.groupReadState({ params: { id: talk.target.groupId } });
    for (const one of members) {
      if (one.user_id !== model.self.id) talk.read = Math.max(talk.read, one.last_read_message_id);
    }
  }

  async function open(talk: Talk): Promise<void> {
    model.openId = talk.id;
    model.scroll = 0;
    if (!talk.loaded) await Promise.all([load(talk), loadReaders(talk)]);
    seen(talk);
  }

  return { send, load, seen, open };
}
