import type { Conversation, Message } from "@om/protocol";
import type { OmConnection } from "../connection.ts";
import { changeLine, clearLines, dropLine, forgetOldest, lineOf, putLine } from "./lines.ts";
import {
  conversationOfGroup,
  conversationWithUser,
  notify,
  typingMs,
  type Model,
  type ConversationModel,
} from "./model.ts";

/** Takes over what the server says of a conversation. */
export function applyConversation(model: Model, head: Conversation): ConversationModel | undefined {
  const { peer, group, last_message: last, my_position: mine, peer_position: theirs } = head;
  if (peer === null && group === null) return undefined;
  const conversation =
    peer === null ? conversationOfGroup(model, group ?? { id: 0, name: "" }) : conversationWithUser(model, peer);
  conversation.isBlocked = peer?.is_blocked === true;
  conversation.unread = head.unread_count;
  conversation.lastAt = Math.max(
    conversation.lastAt,
    last?.created_at_unix ?? Math.floor(Date.parse(head.last_activity) / 1000),
  );
  conversation.seen = Math.max(conversation.seen, mine.read_message_id);
  conversation.read = Math.max(conversation.read, theirs?.read_message_id ?? 0);
  conversation.delivered = Math.max(conversation.delivered, theirs?.delivered_message_id ?? 0);
  return conversation;
}

/** Adds a message, or finishes the line that was waiting for it. @returns the conversation it belongs to */
export function applyMessage(model: Model, message: Message): ConversationModel | undefined {
  const line = lineOf(model, message);
  const conversation = conversationOfMessage(model, message);
  if (conversation === undefined) return undefined;
  const isOpen = model.openId === conversation.id;
  if (putLine(conversation, line) && !line.mine && !isOpen) conversation.unread += 1;
  if (!isOpen || model.scroll === 0) forgetOldest(conversation);
  conversation.lastAt = Math.max(conversation.lastAt, line.at);
  conversation.typing.delete(message.sender_id);
  return conversation;
}

/** Of people and groups that are not known yet, the conversation follows. */
function conversationOfMessage(model: Model, message: Message): ConversationModel | undefined {
  const { sender, sender_id: senderId, group_id: groupId } = message;
  const known = model.conversations.get(message.conversation_id);
  if (groupId !== null) return known ?? conversationOfGroup(model, { id: groupId, name: `group ${groupId}` });
  return senderId === model.self.id ? known : conversationWithUser(model, { ...sender, is_online: true });
}

/** Older lines of a conversation, as a history page gave them. */
export function applyHistory(
  model: Model,
  conversation: ConversationModel,
  messages: readonly Message[],
  complete: boolean,
): void {
  for (const message of messages) {
    const line = lineOf(model, message);
    putLine(conversation, line);
    if (line.mine && message.is_read) conversation.read = Math.max(conversation.read, line.id);
    if (line.mine && message.is_delivered) conversation.delivered = Math.max(conversation.delivered, line.id);
  }
  conversation.loaded = true;
  conversation.complete = complete;
}

/** The user is no longer in this group. */
export function forgetConversation(model: Model, conversationId: string): void {
  const conversation = model.conversations.get(conversationId);
  if (!model.conversations.delete(conversationId)) return;
  if (model.openId === conversationId) model.openId = undefined;
  notify(model, `you are no longer in ${conversation?.name}`);
}

/** Keeps the model in step with what the connection emits; `changed` runs after each step. */
export function follow(
  model: Model,
  connection: OmConnection,
  changed: (conversation: ConversationModel | undefined) => void,
): void {
  const on = (conversationId: string, change: (conversation: ConversationModel) => unknown): void => {
    const conversation = model.conversations.get(conversationId);
    if (conversation !== undefined) change(conversation);
    changed(conversation);
  };
  connection.on("status", (status) => {
    model.status = status;
    changed(undefined);
  });
  connection.on("conversation", (conversation) => changed(applyConversation(model, conversation)));
  connection.on("message", (message) => changed(applyMessage(model, message)));
  connection.on("updated", (message) =>
    on(message.conversation_id, (conversation) => changeLine(conversation, lineOf(model, message))),
  );
  connection.on("deleted", ({ conversationId, messageId }) =>
    on(conversationId, (conversation) => dropLine(conversation, messageId)),
  );
  connection.on("cleared", ({ conversationId, seq }) =>
    on(conversationId, (conversation) => clearLines(conversation, seq)),
  );
  connection.on("left", ({ conversationId }) => {
    forgetConversation(model, conversationId);
    changed(undefined);
  });
  connection.on("position", ({ conversationId, userId, kind, messageId }) => {
    if (userId === model.self.id)
      return on(conversationId, (conversation) => kind === "read" && markReadHere(conversation, messageId));
    on(conversationId, (conversation) => {
      conversation[kind] = Math.max(conversation[kind], messageId);
      if (kind === "read") conversation.delivered = Math.max(conversation.delivered, messageId);
    });
  });
  connection.on("user", ({ id, username }) => {
    model.names.set(id, username);
    on(`user_${id}`, (conversation) => (conversation.name = username));
  });
  connection.on("typing", ({ conversationId, userId, isTyping }) =>
    on(conversationId, (conversation) => conversation.typing.set(userId, isTyping ? model.clock() + typingMs : 0)),
  );
  connection.on("presence", ({ userId, isOnline }) =>
    on(`user_${userId}`, (conversation) => (conversation.online = isOnline)),
  );
}

/** The own user has read up to here, perhaps on another device. */
function markReadHere(conversation: ConversationModel, messageId: number): void {
  conversation.seen = Math.max(conversation.seen, messageId);
  if (conversation.lines.every((line) => line.mine || line.id <= messageId)) conversation.unread = 0;
}
