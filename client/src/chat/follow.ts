import type { Conversation, Message } from "@om/protocol";
import type { OmConnection } from "../connection.ts";
import { changeLine, clearLines, dropLine, lineOf, putLine } from "./lines.ts";
import { talkOfGroup, talkWithUser, type Model, type Talk } from "./model.ts";

/** Takes over what the server says of a conversation. */
export function takeConversation(model: Model, conversation: Conversation): Talk | undefined {
  const { peer, group, last_message: last, my_position: mine, peer_position: theirs } = conversation;
  if (peer === null && group === null) return undefined;
  const talk = peer === null ? talkOfGroup(model, group ?? { id: 0, name: "" }) : talkWithUser(model, peer);
  talk.isBlocked = peer?.is_blocked === true;
  talk.unread = conversation.unread_count;
  talk.lastAt = Math.max(
    talk.lastAt,
    last?.created_at_unix ?? Math.floor(Date.parse(conversation.last_activity) / 1000),
  );
  talk.seen = Math.max(talk.seen, mine.read_message_id);
  talk.read = Math.max(talk.read, theirs?.read_message_id ?? 0);
  talk.delivered = Math.max(talk.delivered, theirs?.delivered_message_id ?? 0);
  return talk;
}

/** Adds a message, or finishes the line that was waiting for it. @returns the talk it belongs to */
export function takeMessage(model: Model, message: Message): Talk | undefined {
  const line = lineOf(model, message);
  const talk = talkOfMessage(model, message);
  if (talk === undefined) return undefined;
  if (putLine(talk, line) && !line.mine && model.openId !== talk.id) talk.unread += 1;
  talk.lastAt = Math.max(talk.lastAt, line.at);
  talk.typing.delete(message.sender_id);
  return talk;
}

/** Of people and groups that are not known yet, the conversation follows. */
function talkOfMessage(model: Model, message: Message): Talk | undefined {
  const { sender, sender_id: senderId, group_id: groupId } = message;
  const known = model.talks.get(message.conversation_id);
  if (groupId !== null) return known ?? talkOfGroup(model, { id: groupId, name: `group ${groupId}` });
  return senderId === model.self.id ? known : talkWithUser(model, { ...sender, is_online: true });
}

/** Older lines of a talk, as a history page gave them. */
export function takeHistory(model: Model, talk: Talk, messages: readonly Message[], complete: boolean): void {
  for (const message of messages) {
    const line = lineOf(model, message);
    putLine(talk, line);
    if (line.mine && message.is_read) talk.read = Math.max(talk.read, line.id);
    if (line.mine && message.is_delivered) talk.delivered = Math.max(talk.delivered, line.id);
  }
  talk.loaded = true;
  talk.complete = complete;
}

/** The user is no longer in this group. */
export function forgetTalk(model: Model, conversationId: string): void {
  const talk = model.talks.get(conversationId);
  if (!model.talks.delete(conversationId)) return;
  if (model.openId === conversationId) model.openId = undefined;
  model.notice = `you are no longer in ${talk?.name}`;
}

/** Keeps the model in step with what the connection tells; `changed` runs after each step. */
export function follow(model: Model, connection: OmConnection, changed: (talk: Talk | undefined) => void): void {
  const on = (conversationId: string, change: (talk: Talk) => unknown): void => {
    const talk = model.talks.get(conversationId);
    if (talk !== undefined) change(talk);
    changed(talk);
  };
  connection.on("status", (status) => {
    model.status = status;
    changed(undefined);
  });
  connection.on("conversation", (conversation) => changed(takeConversation(model, conversation)));
  connection.on("message", (message) => changed(takeMessage(model, message)));
  connection.on("updated", (message) =>
    on(message.conversation_id, (talk) => changeLine(talk, lineOf(model, message))),
  );
  connection.on("deleted", ({ conversationId, messageId }) => on(conversationId, (talk) => dropLine(talk, messageId)));
  connection.on("cleared", ({ conversationId, seq }) => on(conversationId, (talk) => clearLines(talk, seq)));
  connection.on("left", ({ conversationId }) => {
    forgetTalk(model, conversationId);
    changed(undefined);
  });
  connection.on("position", ({ conversationId, userId, kind, messageId }) => {
    if (userId === model.self.id) return on(conversationId, (talk) => kind === "read" && readHere(talk, messageId));
    on(conversationId, (talk) => {
      talk[kind] = Math.max(talk[kind], messageId);
      if (kind === "read") talk.delivered = Math.max(talk.delivered, messageId);
    });
  });
  connection.on("typing", ({ conversationId, userId, isTyping }) =>
    on(conversationId, (talk) => talk.typing.set(userId, isTyping ? model.now() + 4_000 : 0)),
  );
  connection.on("presence", ({ userId, isOnline }) => on(`user_${userId}`, (talk) => (talk.online = isOnline)));
}

/** The own user has read up to here, perhaps on another device. */
function readHere(talk: Talk, messageId: number): void {
  talk.seen = Math.max(talk.seen, messageId);
  if (talk.lines.every((line) => line.mine || line.id <= messageId)) talk.unread = 0;
}
