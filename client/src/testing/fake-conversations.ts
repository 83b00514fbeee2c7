import type { Message, OutboundFrame, User } from "@om/protocol";
import type { Target } from "../target.ts";

/** A conversation of the fake server, direct or of a group. */
export interface Talk {
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
}

/** Who is told what of a change. */
export type Tell = (userId: number, frame: OutboundFrame) => void;

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
export const peerOf = (talk: Talk, viewer: number): number => [...talk.members].find((id) => id !== viewer) ?? viewer;
export const nameFor = (talk: Talk, viewer: number): string =>
  talk.groupId === undefined ? `user_${peerOf(talk, viewer)}` : `group_${talk.groupId}`;
export const seenBy = (talk: Talk, message: Message, viewer: number): Message => ({
  ...message,
  conversation_id: nameFor(talk, viewer),
});

/** What happens to conversations, with versions and positions as the real server keeps them, in memory. */
export class FakeTalks {
  readonly talks = new Map<string, Talk>();
  clock = 1;
  #ids = 0;

  find(a: number, b: number): Talk {
    return this.#open(`${Math.min(a, b)}:${Math.max(a, b)}`, { members: [a, b] });
  }

  group(groupId: number): Talk {
    return this.#open(`group_${groupId}`, { groupId, members: [] });
  }

  /** The conversation that a user calls so. */
  named(conversationId: string, viewer: number): Talk {
    const id = Number(conversationId.split("_")[1]);
    return conversationId.startsWith("group_") ? this.group(id) : this.find(viewer, id);
  }

  store(said: { from: number; to: Target; content: string; clientId?: string; replyTo?: number }, tell: Tell): Message {
    const { from, to, content, clientId, replyTo } = said;
    const talk = "userId" in to ? this.find(from, to.userId) : this.group(to.groupId);
    this.#changed(talk);
    this.#ids += 1;
    const message: Message = {
      id: this.#ids,
      client_id: clientId ?? `said ${this.#ids}`,
      sender_id: from,
      sender: fakeUser(from),
      recipient_id: "userId" in to ? to.userId : null,
      group_id: talk.groupId ?? null,
      content,
      message_type: "text",
      status: "sent",
      is_delivered: false,
      is_read: false,
      version: 1,
      created_at: "2026-01-01T00:00:00Z",
      created_at_unix: 1,
      conversation_id: nameFor(talk, from),
      seq: talk.messages.length + 1,
      ver: talk.ver,
      ...(replyTo === undefined ? {} : { reply_to_id: replyTo }),
    };
    talk.messages.push({ message, firstVer: talk.ver, isDeleted: false });
    this.#tellAll(talk, tell, (viewer, where) => ({
      type: "message",
      message: seenBy(talk, message, viewer),
      ...where,
    }));
    return message;
  }

  edit(message: Message, tell: Tell): void {
    const { talk, found } = this.#locate(message);
    this.#changed(talk);
    found.message = {
      ...found.message,
      content: `${found.message.content}!`,
      version: found.message.version + 1,
      ver: talk.ver,
    };
    const edited = found.message;
    this.#tellAll(talk, tell, (viewer, where) => ({
      type: "message_edit",
      message: seenBy(talk, edited, viewer),
      ...where,
    }));
  }

  remove(message: Message, tell: Tell): void {
    const { talk, found } = this.#locate(message);
    this.#changed(talk);
    found.isDeleted = true;
    found.message = { ...found.message, ver: talk.ver };
    const { id, sender_id, recipient_id, group_id } = message;
    this.#tellAll(talk, tell, (_viewer, where) => {
      const place = { id, sender_id, recipient_id, group_id, conversation_id: where.conversation_id };
      return { type: "message_delete", message: place, ...where };
    });
  }

  /** Deletes what the conversation holds for one user. */
  clear(talk: Talk, userId: number, tell: Tell): void {
    const seq = talk.messages.length;
    talk.cleared.set(userId, seq);
    this.#partChanged(talk, userId);
    tell(userId, { type: "conversation_delete", conversation_id: nameFor(talk, userId), ver: talk.ver, seq });
  }

  /** What is there already counts as read. */
  join(talk: Talk, userId: number, tell: Tell): void {
    this.#changed(talk);
    talk.members.add(userId);
    talk.left.delete(userId);
    const last = talk.messages.at(-1)?.message.id ?? 0;
    talk.positions.set(userId, { read: last, delivered: last });
    this.#partChanged(talk, userId);
    this.#tellAll(talk, tell, (_viewer, where) => ({ type: "group_update", ...where }));
  }

  leave(talk: Talk, userId: number, tell: Tell): void {
    this.#changed(talk);
    talk.members.delete(userId);
    talk.left.add(userId);
    this.#partChanged(talk, userId);
    const where = { conversation_id: nameFor(talk, userId), ver: talk.ver, seq: talk.messages.length };
    tell(userId, { type: "conversation_delete", ...where });
    this.#tellAll(talk, tell, (_viewer, told) => ({ type: "group_update", ...told }));
  }

  move(userId: number, to: { messageId: number; kind: "read" | "delivered" }, tell: Tell): void {
    const { messageId, kind } = to;
    for (const talk of this.talks.values()) {
      if (!talk.members.has(userId)) continue;
      const isTheirs = talk.messages.some(({ message }) => message.id === messageId && message.sender_id !== userId);
      const at = talk.positions.get(userId) ?? { read: 0, delivered: 0 };
      if (!isTheirs || at[kind] >= messageId) continue;
      at[kind] = messageId;
      at.delivered = Math.max(at.delivered, messageId);
      talk.positions.set(userId, at);
      if (talk.groupId === undefined) this.#tellMove(talk, userId, to, tell);
      else if (kind === "read") {
        this.#partChanged(talk, userId);
        const update = { group_id: talk.groupId, user_id: userId, last_read_message_id: messageId };
        for (const viewer of talk.members) tell(viewer, { type: "group_read_update", ...update });
      }
    }
  }

  #tellMove(talk: Talk, userId: number, to: { messageId: number; kind: "read" | "delivered" }, tell: Tell): void {
    this.#changed(talk);
    this.#tellAll(talk, tell, (_viewer, place) => {
      const where = { ...place, user_id: userId };
      return to.kind === "read"
        ? { type: "read_update", ...where, last_read_message_id: to.messageId }
        : { type: "delivery_update", ...where, last_delivered_message_id: to.messageId };
    });
  }

  #tellAll(
    talk: Talk,
    tell: Tell,
    frame: (viewer: number, where: { conversation_id: string; ver: number; seq: number }) => OutboundFrame,
  ): void {
    for (const viewer of talk.members) {
      const where = { conversation_id: nameFor(talk, viewer), ver: talk.ver, seq: talk.messages.length };
      tell(viewer, frame(viewer, where));
    }
  }

  #locate({ id }: Message): { talk: Talk; found: Talk["messages"][number] } {
    for (const talk of this.talks.values()) {
      const found = talk.messages.find(({ message }) => message.id === id);
      if (found !== undefined) return { talk, found };
    }
    throw new Error("no such message");
  }

  #open(key: string, { groupId, members }: { groupId?: number; members: number[] }): Talk {
    const known = this.talks.get(key);
    if (known !== undefined) return known;
    const talk: Talk = {
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
    this.talks.set(key, talk);
    return talk;
  }

  #changed(talk: Talk): void {
    talk.ver += 1;
    this.clock += 1;
    talk.changedAt = this.clock;
  }

  #partChanged(talk: Talk, userId: number): void {
    this.clock += 1;
    talk.partChangedAt.set(userId, this.clock);
  }
}
