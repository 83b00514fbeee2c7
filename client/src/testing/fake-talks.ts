import type { Conversation, Message, OutboundFrame, User } from "@om/protocol";

interface Talk {
  lo: number;
  hi: number;
  ver: number;
  messages: { message: Message; firstVer: number }[];
  positions: Map<number, { read: number; delivered: number }>;
  changedAt: number;
}

/** Who is told what of a change. */
type Tell = (userId: number, frame: OutboundFrame) => void;

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

const peerOf = (talk: Talk, viewer: number): number => (talk.lo === viewer ? talk.hi : talk.lo);
const seenBy = (talk: Talk, message: Message, viewer: number): Message => ({
  ...message,
  conversation_id: `user_${peerOf(talk, viewer)}`,
});

/** Direct conversations with versions, positions and cursors as the real server has them, in memory. */
export class FakeTalks {
  readonly #talks = new Map<string, Talk>();
  readonly #pageSize: number;
  #clock = 1;
  #epoch = 1;
  #ids = 0;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  find(a: number, b: number): Talk {
    const [lo, hi] = [Math.min(a, b), Math.max(a, b)];
    const known = this.#talks.get(`${lo}:${hi}`);
    if (known !== undefined) return known;
    const talk = { lo, hi, ver: 0, messages: [], positions: new Map(), changedAt: this.#clock };
    this.#talks.set(`${lo}:${hi}`, talk);
    return talk;
  }

  /** Cursors mean nothing any more. */
  restore(): void {
    this.#epoch += 1;
  }

  store(said: { from: number; to: number; content: string; clientId?: string }, tell: Tell): Message {
    const { from, to, content, clientId } = said;
    const talk = this.find(from, to);
    this.#changed(talk);
    this.#ids += 1;
    const message: Message = {
      id: this.#ids,
      client_id: clientId ?? `said ${this.#ids}`,
      sender_id: from,
      sender: fakeUser(from),
      recipient_id: to,
      group_id: null,
      content,
      message_type: "text",
      status: "sent",
      is_delivered: false,
      is_read: false,
      version: 1,
      created_at: "2026-01-01T00:00:00Z",
      created_at_unix: 1,
      conversation_id: `user_${to}`,
      seq: talk.messages.length + 1,
      ver: talk.ver,
    };
    talk.messages.push({ message, firstVer: talk.ver });
    for (const viewer of new Set([from, to])) {
      const seen = seenBy(talk, message, viewer);
      const where = { conversation_id: seen.conversation_id, ver: talk.ver, seq: message.seq };
      tell(viewer, { type: "message", message: seen, ...where });
    }
    return message;
  }

  edit(message: Message): void {
    const talk = this.find(message.sender_id, message.recipient_id ?? 0);
    this.#changed(talk);
    const found = talk.messages.find((one) => one.message.id === message.id);
    if (found !== undefined) found.message = { ...found.message, content: `${message.content}!`, ver: talk.ver };
  }

  move(userId: number, to: { messageId: number; kind: "read" | "delivered" }, tell: Tell): void {
    const { messageId, kind } = to;
    for (const talk of this.#of(userId)) {
      const isTheirs = talk.messages.some(({ message }) => message.id === messageId && message.sender_id !== userId);
      const at = talk.positions.get(userId) ?? { read: 0, delivered: 0 };
      if (!isTheirs || at[kind] >= messageId) continue;
      at[kind] = messageId;
      at.delivered = Math.max(at.delivered, messageId);
      talk.positions.set(userId, at);
      this.#changed(talk);
      for (const viewer of [talk.lo, talk.hi]) {
        const id = `user_${peerOf(talk, viewer)}`;
        const where = { conversation_id: id, ver: talk.ver, seq: talk.messages.length, user_id: userId };
        if (kind === "read") tell(viewer, { type: "read_update", ...where, last_read_message_id: messageId });
        else tell(viewer, { type: "delivery_update", ...where, last_delivered_message_id: messageId });
      }
    }
  }

  /** GET /api/changes; undefined: the cursor cannot be read. */
  changes(viewer: number, query: URLSearchParams): object | undefined {
    const cursor = query.get("cursor") ?? "";
    if (cursor === "broken") return undefined;
    const [epoch, since = 0] = cursor.split(".").map(Number);
    const reset = cursor !== "" && epoch !== this.#epoch;
    const after = Number(query.get("after") ?? 0);
    const found = this.#of(viewer).filter(({ changedAt }) => cursor === "" || reset || changedAt >= since);
    const end = after + this.#pageSize;
    const conversations = found.slice(after, end).map((talk) => this.#head(talk, viewer));
    const next = end < found.length ? { next: end } : {};
    return { cursor: `${this.#epoch}.${this.#clock}`, reset, conversations, ...next };
  }

  /** GET /api/messages/changes. */
  messageChanges(viewer: number, query: URLSearchParams): object {
    const id = query.get("conversation_id") ?? "";
    const ver = Number(query.get("ver"));
    const talk = this.find(viewer, Number(id.slice("user_".length)));
    const found = talk.messages
      .map(({ message, firstVer }) => ({ message, key: firstVer > ver ? firstVer : message.ver }))
      .filter(({ key }) => key > ver)
      .toSorted((a, b) => a.key - b.key);
    const shown = found.slice(0, this.#pageSize);
    const next = found.length > this.#pageSize ? { next_ver: shown.at(-1)?.key } : {};
    return { conversation_id: id, messages: shown.map(({ message }) => seenBy(talk, message, viewer)), ...next };
  }

  #of(viewer: number): Talk[] {
    return [...this.#talks.values()].filter(({ lo, hi, ver }) => (lo === viewer || hi === viewer) && ver > 0);
  }

  #changed(talk: Talk): void {
    talk.ver += 1;
    this.#clock += 1;
    talk.changedAt = this.#clock;
  }

  #head(talk: Talk, viewer: number): Conversation {
    const peer = peerOf(talk, viewer);
    const position = (userId: number) => ({
      read_message_id: talk.positions.get(userId)?.read ?? 0,
      delivered_message_id: talk.positions.get(userId)?.delivered ?? 0,
    });
    const last = talk.messages.at(-1)?.message;
    return {
      conversation_id: `user_${peer}`,
      group: null,
      last_activity: "",
      peer: fakeUser(peer),
      unread_count: 0,
      last_message: last === undefined ? null : seenBy(talk, last, viewer),
      ver: talk.ver,
      seq: talk.messages.length,
      my_position: position(viewer),
      peer_position: position(peer),
      cleared_seq: 0,
    };
  }
}
