import { profileKey } from "../accounts/profile-cache.ts";
import { packRecord } from "../cache/entry.ts";
import type { Invalidation } from "../cache/marks.ts";
import type { Post } from "../cache/posts.ts";
import { invalidatedUnread, conversationKey, listKey } from "../conversations/cache-keys.ts";
import { directRef, type ConversationRef } from "../conversations/conversation-ref.ts";
import type { MessageTuple } from "../conversations/conversation-row.ts";
import type { ListPositionRecord, ListMessageRecord } from "../conversations/list-fold.ts";
import type { AdvancedPosition } from "../conversations/position-store.ts";
import { messageRecord, type PositionRecord } from "./history.ts";
import { storedTuple, type StoredRow } from "./message-store.ts";
import type { SendWrite } from "./write.ts";

type Appended = Pick<Post, "prev" | "records">;

/** What the write path must know of cached histories and lists: how something is appended to them. */
export interface PostTargets {
  history: (ref: ConversationRef, what: Appended) => Post;
  list: (userId: number, what: Appended) => Post;
}

/** A message that was stored now, not before. */
interface StoredMessage {
  senderId: number;
  row: StoredRow;
  tuple: MessageTuple;
  /** What both lists are told, packed for the first of them. */
  listed?: Buffer[];
}

/** What stored messages change in the cache: histories and lists get them appended, unread counts and profiles are read anew. */
export function sendInvalidations(
  stored: readonly { write: SendWrite; row: StoredRow }[],
  posts: PostTargets,
): Invalidation[] {
  const fresh = stored
    .filter(({ row }) => row.outcome === "stored")
    .map(({ write: { message }, row }) => ({ senderId: message.senderId, row, tuple: storedTuple(message, row) }))
    .sort((a, b) => a.row.ver - b.row.ver);
  const conversations = grouped(fresh.map((one) => [one.row.conversation_id, one]));
  const lists = grouped(
    fresh.flatMap((one): [number, StoredMessage][] => {
      const { recipient_id: recipientId } = one.row;
      return recipientId === null ? [] : [...new Set([one.senderId, recipientId])].map((userId) => [userId, one]);
    }),
  );
  const opened = new Map(
    fresh.flatMap(({ senderId, row: { sender_ver: ver } }) => (ver ? [[senderId, ver] as const] : [])),
  );
  return [
    ...[...opened].map(([userId, ver]) => ({ key: profileKey(userId), ver })),
    ...[...conversations.values()].flatMap((part) => conversationChanges(part, posts)),
    ...[...lists].flatMap(([userId, part]) => listChanges(userId, part, posts)),
  ];
}

function grouped(pairs: readonly [key: number, one: StoredMessage][]): Map<number, StoredMessage[]> {
  const groups = new Map<number, StoredMessage[]>();
  for (const [key, one] of pairs) {
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [one]);
    else known.push(one);
  }
  return groups;
}

function conversationChanges(part: readonly StoredMessage[], posts: PostTargets): Invalidation[] {
  const [first, last] = [part[0], part.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { recipient_id: recipientId, group_id: groupId } = first.row;
  const prev = first.row.ver - 1;
  const ref = recipientId === null ? { groupId: groupId ?? 0 } : directRef(first.senderId, recipientId);
  const records = () => part.flatMap((one) => [messageRecord(one.tuple), ...ownPosition(one)]);
  // The first message makes the conversation; who is in it and how far is read with the next look.
  const post = prev > 0 ? () => posts.history(ref, { prev, records: records() }) : undefined;
  const history: Invalidation = { key: conversationKey(ref), ver: last.row.ver, post };
  return "groupId" in ref ? [history] : [history, ...invalidatedUnread(ref.lo, ref.hi, last.row.ver)];
}

/** How far the sender has received, which the own message may have moved. */
function ownPosition({ senderId, row }: StoredMessage): PositionRecord[] {
  if (row.recipient_id === null || row.sender_delivered === null) return [];
  return [["p", senderId, null, row.sender_delivered]];
}

/** Of direct messages: each list has one new version for the whole batch. */
function listChanges(userId: number, part: readonly StoredMessage[], posts: PostTargets): Invalidation[] {
  const [first] = part;
  const ver = first?.senderId === userId ? first.row.sender_list_ver : (first?.row.recipient_list_ver ?? null);
  if (ver === null) return [];
  // A conversation that is new has no entry in the list yet.
  if (part.some(({ row }) => row.ver === 1)) return [{ key: listKey(userId), ver }];
  const records = () => part.flatMap((one) => listRecords(one, userId, part));
  return [{ key: listKey(userId), ver, post: () => posts.list(userId, { prev: ver - 1, records: records() }) }];
}

function listRecords(one: StoredMessage, userId: number, batch: readonly StoredMessage[]): Buffer[] {
  if (one.row.hidden && one.senderId !== userId) return listed(one, null, batch);
  return (one.listed ??= listed(one, one.tuple, batch));
}

function listed(
  { senderId, row }: StoredMessage,
  tuple: MessageTuple | null,
  batch: readonly StoredMessage[],
): Buffer[] {
  const { conversation_id: id, ver, seq } = row;
  const sent: ListMessageRecord = ["s", id, ver, seq, senderId, tuple];
  const received = batch.find((other) => other.row.conversation_id === id && other.row.seq === row.sender_delivered);
  if (received === undefined) return [packRecord(sent)];
  const position: ListPositionRecord[5] = [null, null, received.row.seq, received.row.id];
  return [packRecord(sent), packRecord(["p", id, ver, seq, senderId, position, 0] satisfies ListPositionRecord)];
}

/** What moved positions change: in a direct conversation both see it, in a group it is the member's own affair. */
export function advanceInvalidations(rows: readonly AdvancedPosition[], posts: PostTargets): Invalidation[] {
  return rows.flatMap((row): Invalidation[] => {
    const { user_id: userId, peer_id: peerId, read_seq: read, delivered_seq: delivered } = row;
    // What a list keeps of a group may be older than the group.
    if (row.group_id !== null || peerId === null) return [{ key: listKey(userId), ver: row.user_list_ver }];
    const position: ListPositionRecord[5] = [read, row.read_message_id, delivered, row.delivered_message_id];
    const moved: ListPositionRecord = ["p", row.conversation_id, row.ver, row.seq, userId, position, row.newly_read];
    const toList = (of: number, ver: number): Invalidation => ({
      key: listKey(of),
      ver,
      post: () => posts.list(of, { prev: ver - 1, records: [moved] }),
    });
    const ref = directRef(userId, peerId);
    const record: PositionRecord = ["p", userId, read, delivered];
    const post = () => posts.history(ref, { prev: row.ver - 1, records: [record] });
    return [
      toList(userId, row.user_list_ver),
      ...(peerId === userId || row.peer_list_ver === null ? [] : [toList(peerId, row.peer_list_ver)]),
      { key: conversationKey(ref), ver: row.ver, post },
      ...invalidatedUnread(ref.lo, ref.hi, row.ver),
    ];
  });
}
