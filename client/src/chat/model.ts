import type { Conversation, Message } from "@om/protocol";
import type { OmConnection } from "../connection.ts";

/** A line of a talk. `id` 0: on its way. */
export interface Line {
  id: number;
  clientId: string;
  mine: boolean;
  text: string;
  /** Seconds since 1970. */
  at: number;
  refused?: boolean;
}

/** One conversation as the screen shows it. */
export interface Talk {
  peerId: number;
  name: string;
  online: boolean;
  unread: number;
  lastAt: number;
  /** How far the other person has come, as message ids. */
  read: number;
  delivered: number;
  lines: Line[];
  /** Everything older is here. */
  complete: boolean;
  loaded: boolean;
  typingUntil: number;
}

/** All that the screen is drawn from. */
export interface Model {
  self: { id: number; name: string };
  talks: Map<number, Talk>;
  openId: number | undefined;
  input: string;
  /** Lines scrolled up from the end. */
  scroll: number;
  status: "connecting" | "live" | "offline" | "ended";
  notice: string;
  now: () => number;
}

export function createModel(self: { id: number; name: string }, now: () => number = Date.now): Model {
  return {
    self,
    talks: new Map(),
    openId: undefined,
    input: "",
    scroll: 0,
    status: "connecting",
    notice: "/help shows what can be typed",
    now,
  };
}

/** Newest first. */
export function sortedTalks(model: Model): Talk[] {
  return [...model.talks.values()].toSorted((a, b) => b.lastAt - a.lastAt || a.peerId - b.peerId);
}

export function openTalk(model: Model): Talk | undefined {
  return model.openId === undefined ? undefined : model.talks.get(model.openId);
}

export function talkWith(model: Model, peer: { id: number; username: string; is_online?: boolean }): Talk {
  const known = model.talks.get(peer.id);
  if (known !== undefined) {
    known.name = peer.username;
    known.online = peer.is_online ?? known.online;
    return known;
  }
  const talk: Talk = {
    peerId: peer.id,
    name: peer.username,
    online: peer.is_online ?? false,
    unread: 0,
    lastAt: 0,
    read: 0,
    delivered: 0,
    lines: [],
    complete: false,
    loaded: false,
    typingUntil: 0,
  };
  model.talks.set(peer.id, talk);
  return talk;
}

/** Takes over what the server says of a conversation. */
export function takeConversation(model: Model, conversation: Conversation): void {
  if (conversation.peer === null) return;
  const talk = talkWith(model, conversation.peer);
  talk.unread = conversation.unread_count;
  talk.lastAt = conversation.last_message?.created_at_unix ?? talk.lastAt;
  talk.read = Math.max(talk.read, conversation.peer_position?.read_message_id ?? 0);
  talk.delivered = Math.max(talk.delivered, conversation.peer_position?.delivered_message_id ?? 0);
}

/** Adds a message, or finishes the line that was waiting for it. @returns the talk it belongs to */
export function takeMessage(model: Model, message: Message): Talk | undefined {
  const mine = message.sender_id === model.self.id;
  const peerId = mine ? message.recipient_id : message.sender_id;
  if (peerId === null) return undefined;
  const talk = mine ? model.talks.get(peerId) : talkWith(model, { ...message.sender, is_online: true });
  if (talk === undefined) return undefined;
  const line = {
    id: message.id,
    clientId: message.client_id,
    mine,
    text: message.content,
    at: message.created_at_unix,
  };
  const known = talk.lines.findIndex((one) => one.id === message.id || (mine && one.clientId === message.client_id));
  if (known >= 0) talk.lines[known] = line;
  else {
    talk.lines.push(line);
    if (!mine && model.openId !== peerId) talk.unread += 1;
  }
  talk.lines.sort(inOrder);
  talk.lastAt = Math.max(talk.lastAt, message.created_at_unix);
  if (!mine) talk.typingUntil = 0;
  return talk;
}

/** Older lines of a talk, as a history page gave them. */
export function takeHistory(talk: Talk, selfId: number, messages: readonly Message[], complete: boolean): void {
  const known = new Set(talk.lines.map(({ id }) => id));
  for (const message of messages) {
    if (known.has(message.id)) continue;
    const mine = message.sender_id === selfId;
    talk.lines.push({
      id: message.id,
      clientId: message.client_id,
      mine,
      text: message.content,
      at: message.created_at_unix,
    });
    if (mine && message.is_read) talk.read = Math.max(talk.read, message.id);
    if (mine && message.is_delivered) talk.delivered = Math.max(talk.delivered, message.id);
  }
  talk.lines.sort(inOrder);
  talk.loaded = true;
  talk.complete = complete;
}

/** The server has taken a line: it gets its id and its place. */
export function placeLine(talk: Talk, clientId: string, id: number): void {
  const line = talk.lines.find((one) => one.clientId === clientId);
  if (line !== undefined) line.id = id;
  talk.lines.sort(inOrder);
}

/** By id; what has none yet comes last, in the order it was typed. */
function inOrder(a: Line, b: Line): number {
  return (a.id || Number.MAX_SAFE_INTEGER) - (b.id || Number.MAX_SAFE_INTEGER);
}

/** Keeps the model in step with what the connection tells; `changed` runs after each step. */
export function follow(model: Model, connection: OmConnection, changed: (talk: Talk | undefined) => void): void {
  connection.on("status", (status) => {
    model.status = status;
    changed(undefined);
  });
  connection.on("conversation", (conversation) => {
    takeConversation(model, conversation);
    changed(undefined);
  });
  connection.on("message", (message) => changed(takeMessage(model, message)));
  connection.on("position", ({ userId, kind, messageId }) => {
    const talk = model.talks.get(userId);
    if (talk !== undefined) talk[kind] = Math.max(talk[kind], messageId);
    if (talk !== undefined && kind === "read") talk.delivered = Math.max(talk.delivered, messageId);
    changed(talk);
  });
  connection.on("typing", ({ userId, isTyping }) => {
    const talk = model.talks.get(userId);
    if (talk !== undefined) talk.typingUntil = isTyping ? model.now() + 4_000 : 0;
    changed(talk);
  });
}
