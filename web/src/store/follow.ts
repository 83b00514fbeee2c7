import type { Ack, ConnectionEvents } from "@om/client";
import type { Conversation, Face, Message } from "@om/protocol";
import { messageOf, peerOf, personOf, talkOf } from "./model.ts";
import type { Store } from "./store.ts";

type Events = { [N in keyof ConnectionEvents]: (event: ConnectionEvents[N]) => void };

/** What each event of the line changes on the page. */
export function followers(store: Store): Events {
  return {
    status: (status) => store.setStatus(status),
    message: (message) => applyMessage(store, message),
    updated: (message) => store.putMessages(message.conversation_id, [messageOf(message, message.conversation_id)]),
    deleted: ({ conversationId, messageId }) => void applyDeleted(store, conversationId, messageId),
    cleared: ({ conversationId, seq }) => applyCleared(store, conversationId, seq),
    left: ({ conversationId }) => store.removeTalk(conversationId),
    group: ({ conversationId, change }) => {
      if (change !== undefined) store.editTalk(conversationId, () => ({ name: change.name, picture: change.icon }));
    },
    user: (face) => applyFace(store, face),
    users: () => undefined,
    blocked: ({ userIds }) => store.setBlocked(userIds),
    position: ({ conversationId, userId, kind, messageId }) => {
      if (userId !== store.me.id) {
        return store.editTalk(conversationId, (talk) => ({
          delivered: Math.max(talk.delivered, messageId),
          ...(kind === "read" ? { read: Math.max(talk.read, messageId) } : {}),
        }));
      }
      if (kind === "read") applySeen(store, conversationId, messageId);
    },
    typing: ({ conversationId, userId, isTyping }) => store.setTyping(conversationId, userId, isTyping),
    presence: ({ userId, isOnline }) => {
      const person = store.people.get(userId);
      if (person === undefined) return;
      store.putPerson({ ...person, isOnline, lastSeen: isOnline ? person.lastSeen : Date.now() });
    },
    conversation: (head) => applyHead(store, head),
    acked: (ack) => applyAck(store, ack),
    refused: ({ client_id: clientId, code, error: text }) => {
      const pending = clientId === undefined ? undefined : store.dropPending(clientId);
      if (pending === undefined) return;
      const refused = { ...pending, refusal: { code, text } };
      store.addPending(refused);
      if (store.isWriter) store.disk.put("unsent", pending.clientId, refused);
    },
    settings: ({ conversationId, settings }) => store.editTalk(conversationId, () => ({ settings })),
    reset: () => applyReset(store),
    error: () => undefined,
  };
}

/** The own user has read up to here, perhaps on another device. */
export function applySeen(store: Store, talkId: string, messageId: number): void {
  store.editTalk(talkId, ({ seen, last, unread, mentions }) => {
    const isAll = last === undefined || last.id <= messageId || last.senderId === store.me.id;
    return { seen: Math.max(seen, messageId), unread: isAll ? 0 : unread, mentions: isAll ? 0 : mentions };
  });
}

export function applyHead(store: Store, head: Conversation): void {
  const { peer } = head;
  if (peer !== null) {
    store.putPerson(personOf(peer, store.people.get(peer.id)));
    const isBlocked = peer.is_blocked === true;
    if (isBlocked !== store.blocked.has(peer.id))
      store.setBlocked(isBlocked ? [...store.blocked, peer.id] : [...store.blocked].filter((id) => id !== peer.id));
  }
  const sender = head.last_message?.sender;
  if (sender !== undefined && !store.people.has(sender.id)) store.putPerson(personOf(sender));
  store.putTalk(talkOf(head, store.talks.get(head.conversation_id)));
}

function applyMessage(store: Store, message: Message): void {
  const { sender, conversation_id: talkId } = message;
  const known = store.people.get(sender.id);
  if (known === undefined || known.ver === 0)
    store.putPerson({ ...personOf(sender, known), isOnline: sender.is_online || known?.isOnline === true });
  store.setTyping(talkId, sender.id, false);
  store.arrived(messageOf(message, talkId), true);
}

function applyAck(store: Store, ack: Ack): void {
  const pending = store.dropPending(ack.client_id);
  if (pending === undefined) return;
  const { talkId, clientId, text, type, quote, mentions = [], forward } = pending;
  const own = {
    talkId,
    clientId,
    text: text.trim(),
    type,
    quote,
    mentions,
    forwardedFrom: forward?.from,
    reactions: [],
    senderId: store.me.id,
    isEdited: false,
  };
  store.arrived({ ...own, id: ack.server_id, seq: ack.seq, at: ack.created_at_unix * 1000 }, false);
}

async function applyDeleted(store: Store, talkId: string, messageId: number): Promise<void> {
  store.dropMessages(talkId, ({ id }) => id === messageId);
  if (store.isWriter) store.disk.deleteMessage(messageId);
  if (store.talk(talkId).last?.id !== messageId) return;
  const inMemory = store.thread(talkId).messages.at(-1);
  const last =
    inMemory ?? (await store.disk.page(talkId, Number.MAX_SAFE_INTEGER, 1)).find(({ id }) => id !== messageId);
  store.editTalk(talkId, (talk) => (talk.last?.id === messageId ? { last, unread: Math.max(0, talk.unread - 1) } : {}));
}

function applyCleared(store: Store, talkId: string, seq: number): void {
  store.dropMessages(talkId, (message) => message.seq <= seq);
  if (store.isWriter) store.disk.deleteMessages(talkId, 0, seq);
  store.editTalk(talkId, ({ last }) => ({ last: last !== undefined && last.seq <= seq ? undefined : last }));
}

function applyFace(store: Store, face: Face): void {
  store.putPerson({ ...personOf(face, store.people.get(face.id)), ver: face.ver });
  if (face.id !== store.me.id) return;
  store.me = { ...store.me, username: face.username, full_name: face.full_name, avatar: face.avatar };
  store.disk.put("kept", "self", store.me);
}

/** The server is another one or was restored: what is here may not be there. */
function applyReset(store: Store): void {
  for (const talk of store.list()) {
    store.threads.delete(talk.id);
    store.putTalk({ ...talk, from: undefined });
    if (store.isWriter) store.disk.deleteMessages(talk.id);
  }
}

/** Whether a talk has somebody at its other end who can be shown as online. */
export function isOnline(store: Store, talkId: string): boolean {
  const peer = peerOf(talkId);
  return peer !== undefined && store.people.get(peer)?.isOnline === true;
}
