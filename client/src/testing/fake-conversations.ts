import type { Message, OutboundFrame, User } from "@om/protocol";
import type { Target } from "../target.ts";

/** A conversation of the fake server, direct or of a group. */
export interface FakeConversation {
  groupId: number | undefined;
  name: string;
  members: Set<number>;
  ver: number;
  messages: { message: Message; firstVer: number; isDeleted: boolean }[];
  positions: Map<number, { read: number; delivered: number }>;
  cleared: Map<number, number>;
  changedAt: number;
  /** When the part of one user changed, and who has left. */
  partChangedAt: Map<number, number>;
  left: Set<number>;
  /** Where it was when a standby took over. */
  rewound?: { ver: number; seq: number };
}

/** Sends a frame to one user's devices. */
export type Emit = (userId: number, frame: OutboundFrame) => void;

export const fakeUser = (id: number): User => ({
  id,
  username: `u${id}`,
  email: "",
  full_name: "",
  avatar: "",
  role: "user",
  is_online: false,
  last_seen: null,
});

/** The other one of a direct conversation. */
export const peerOf = (conversation: FakeConversation, viewer: number): number =>
  [...conversation.members].find((id) => id !== viewer) ?? viewer;
export const wireIdOf = (conversation: FakeConversation, viewer: number): string =>
  conversation.groupId === undefined ? `user_${peerOf(conversation, viewer)}` : `group_${conversation.groupId}`;
export const viewOf = (conversation: FakeConversation, message: Message, viewer: number): Message => ({
  ...message,
  conversation_id: wireIdOf(conversation, viewer),
});

/** What happens to conversations, with versions and positions as the real server keeps them, in memory. */
export class FakeConversations {
  readonly conversations = new Map<string, FakeConversation>();
  clock = 1;
  #ids = 0;

  find(a: number, b: number): FakeConversation {
    return this.#open(`${Math.min(a, b)}:${Math.max(a, b)}`, { members: [a, b] });
  }

  group(groupId: number): FakeConversation {
    return this.#open(`group_${groupId}`, { groupId, members: [] });
  }

  /** Its last message is lost in a failover. */
  lose(a: number, b: number): void {
    const conversation = this.find(a, b);
    conversation.messages.pop();
    conversation.ver = conversation.messages.at(-1)?.firstVer ?? 0;
    conversation.rewound = { ver: conversation.ver, seq: conversation.messages.length };
  }

  /** The conversation that a user calls so. */
  named(conversationId: string, viewer: number): FakeConversation {
    const id = Number(conversationId.split("_")[1]);
    return conversationId.startsWith("group_") ? this.group(id) : this.find(viewer, id);
  }

  store(said: { from: number; to: Target; content: string; clientId?: string; replyTo?: number }, emit: Emit): Message {
    const { from, to, content, clientId, replyTo } = said;
    const conversation = "userId" in to ? this.find(from, to.userId) : this.group(to.groupId);
    this.#changed(conversation);
    this.#ids += 1;
    const message: Message = {
      id: this.#ids,
      client_id: clientId ?? `said ${this.#ids}`,
      sender_id: from,
      sender: fakeUser(from),
      recipient_id: "userId" in to ? to.userId : null,
      group_id: conversation.groupId ?? null,
      content,
      message_type: "text",
      status: "sent",
      is_delivered: false,
      is_read: false,
      version: 1,
      created_at: "2026-01-01T00:00:00Z",
      created_at_unix: 1,
      conversation_id: wireIdOf(conversation, from),
      seq: conversation.messages.length + 1,
      ver: conversation.ver,
      ...(replyTo === undefined ? {} : { reply_to_id: replyTo }),
    };
    conversation.messages.push({ message, firstVer: conversation.ver, isDeleted: false });
    this.#emitToAll(conversation, emit, (viewer, where) => ({
      type: "message",
      message: viewOf(conversation, message, viewer),
      ...where,
    }));
    return message;
  }

  edit(message: Message, emit: Emit): void {
    const { conversation, found } = this.#locate(message);
    this.#changed(conversation);
    found.message = {
      ...found.message,
      content: `${found.message.content}!`,
      version: found.message.version + 1,
      ver: conversation.ver,
    };
    const edited = found.message;
    this.#emitToAll(conversation, emit, (viewer, where) => ({
      type: "message_edit",
      message: viewOf(conversation, edited, viewer),
      ...where,
    }));
  }

  remove(message: Message, emit: Emit): void {
    const { conversation, found } = this.#locate(message);
    this.#changed(conversation);
    found.isDeleted = true;
    found.message = { ...found.message, ver: conversation.ver };
    const { id, sender_id, recipient_id, group_id } = message;
    this.#emitToAll(conversation, emit, (_viewer, where) => {
      const deleted = { id, sender_id, recipient_id, group_id, conversation_id: where.conversation_id };
      return { type: "message_delete", message: deleted, ...where };
    });
  }

  /** Deletes what the conversation holds for one user. */
  clear(conversation: FakeConversation, userId: number, emit: Emit): void {
    const seq = conversation.messages.length;
    conversation.cleared.set(userId, seq);
    this.#partChanged(conversation, userId);
    emit(userId, {
      type: "conversation_delete",
      conversation_id: wireIdOf(conversation, userId),
      ver: conversation.ver,
      seq,
    });
  }

  /** What is there already counts as read. */
  join(conversation: FakeConversation, userId: number, emit: Emit): void {
    this.#changed(conversation);
    conversation.members.add(userId);
    conversation.left.delete(userId);
    const last = conversation.messages.at(-1)?.message.id ?? 0;
    conversation.positions.set(userId, { read: last, delivered: last });
    this.#partChanged(conversation, userId);
    this.#emitToAll(conversation, emit, (_viewer, where) => ({ type: "group_update", ...where }));
  }

  leave(conversation: FakeConversation, userId: number, emit: Emit): void {
    this.#changed(conversation);
    conversation.members.delete(userId);
    conversation.left.add(userId);
    this.#partChanged(conversation, userId);
    const where = {
      conversation_id: wireIdOf(conversation, userId),
      ver: conversation.ver,
      seq: conversation.messages.length,
    };
    emit(userId, { type: "conversation_delete", ...where });
    this.#emitToAll(conversation, emit, (_viewer, at) => ({ type: "group_update", ...at }));
  }

  advance(userId: number, to: { messageId: number; kind: "read" | "delivered" }, emit: Emit): void {
    const { messageId, kind } = to;
    for (const conversation of this.conversations.values()) {
      if (!conversation.members.has(userId)) continue;
      const isTheirs = conversation.messages.some(
        ({ message }) => message.id === messageId && message.sender_id !== userId,
      );
      const at = conversation.positions.get(userId) ?? { read: 0, delivered: 0 };
      if (!isTheirs || at[kind] >= messageId) continue;
      at[kind] = messageId;
      at.delivered = Math.max(at.delivered, messageId);
      conversation.positions.set(userId, at);
      if (conversation.groupId === undefined) this.#emitPosition(conversation, userId, to, emit);
      else if (kind === "read") {
        this.#partChanged(conversation, userId);
        const update = { group_id: conversation.groupId, user_id: userId, last_read_message_id: messageId };
        for (const viewer of conversation.members) emit(viewer, { type: "group_read_update", ...update });
      }
    }
  }

  #emitPosition(
    conversation: FakeConversation,
    userId: number,
    to: { messageId: number; kind: "read" | "delivered" },
    emit: Emit,
  ): void {
    this.#changed(conversation);
    this.#emitToAll(conversation, emit, (_viewer, at) => {
      const where = { ...at, user_id: userId };
      return to.kind === "read"
        ? { type: "read_update", ...where, last_read_message_id: to.messageId }
        : { type: "delivery_update", ...where, last_delivered_message_id: to.messageId };
    });
  }

  #emitToAll(
    conversation: FakeConversation,
    emit: Emit,
    frame: (viewer: number, where: { conversation_id: string; ver: number; seq: number }) => OutboundFrame,
  ): void {
    for (const viewer of conversation.members) {
      const where = {
        conversation_id: wireIdOf(conversation, viewer),
        ver: conversation.ver,
        seq: conversation.messages.length,
      };
      emit(viewer, frame(viewer, where));
    }
  }

  #locate({ id }: Message): { conversation: FakeConversation; found: FakeConversation["messages"][number] } {
    for (const conversation of this.conversations.values()) {
      const found = conversation.messages.find(({ message }) => message.id === id);
      if (found !== undefined) return { conversation, found };
    }
    throw new Error("no such message");
  }

  #open(key: string, { groupId, members }: { groupId?: number; members: number[] }): FakeConversation {
    const known = this.conversations.get(key);
    if (known !== undefined) return known;
    const conversation: FakeConversation = {
      groupId,
      name: key,
      members: new Set(members),
      ver: 0,
      messages: [],
      positions: new Map(),
      cleared: new Map(),
      changedAt: this.clock,
      partChangedAt: new Map(),
      left: new Set(),
    };
    this.conversations.set(key, conversation);
    return conversation;
  }

  #changed(conversation: FakeConversation): void {
    conversation.ver += 1;
    this.clock += 1;
    conversation.changedAt = this.clock;
  }

  #partChanged(conversation: FakeConversation, userId: number): void {
    this.clock += 1;
    conversation.partChangedAt.set(userId, this.clock);
  }
}
