import type { Changed } from "../cache/marks.ts";
import type { Post } from "../cache/posts.ts";
import type { Source } from "../cache/source.ts";
import { changedUnread, conversationKey, listKey } from "../conversations/cache-keys.ts";
import { directPlace, type MessageCells, type Place } from "../conversations/conversation-row.ts";
import type { MovedRecord, SentRecord } from "../conversations/list-fold.ts";
import type { Moved } from "../conversations/position-store.ts";
import { messageRecord, type PositionRecord } from "./history.ts";
import type { StoredRow } from "./message-store.ts";
import type { SendWrite } from "./write.ts";

type Postable = Pick<Source<never, never>, "ttlMs" | "maxBytes" | "maxRecords">;

/** What the write path must know of cached histories and lists. */
export interface HistoryPosts {
  conv: Postable;
  list: Postable;
  compact: (place: Place) => Promise<void>;
  compactList: (userId: number) => Promise<void>;
}

/** A message that was stored now, not before. */
interface Fresh {
  write: SendWrite;
  row: StoredRow;
}

/** What stored messages change in the cache: histories and lists get them appended, unread counts are read anew. */
export function sendChanges(stored: readonly Fresh[], posts: HistoryPosts): Changed[] {
  const fresh = stored.filter(({ row }) => row.outcome === "stored").sort((a, b) => a.row.ver - b.row.ver);
  const conversations = new Map<number, Fresh[]>();
  for (const one of fresh) {
    const known = conversations.get(one.row.conversation_id);
    if (known === undefined) conversations.set(one.row.conversation_id, [one]);
    else known.push(one);
  }
  return [
    ...[...conversations.values()].flatMap((part) => conversationChanges(part, posts)),
    ...listChanges(fresh, posts),
  ];
}

function conversationChanges(part: readonly Fresh[], posts: HistoryPosts): Changed[] {
  const [first, last] = [part[0], part.at(-1)];
  if (first === undefined || last === undefined) return [];
  const place = placeOf(first);
  const prev = first.row.prev_ver ?? 0;
  const records = part.flatMap((one) => [messageRecord(cellsOf(one)), ...ownPosition(one)]);
  // The first message makes the conversation; who is in it and how far is read with the next look.
  const post = prev > 0 ? postTo(posts, place, { prev, records }) : undefined;
  const history: Changed = { key: conversationKey(place), ver: last.row.ver, post };
  return "groupId" in place ? [history] : [history, ...changedUnread(place.lo, place.hi, last.row.ver)];
}

/** How far the sender has received, which the own message may have moved. */
function ownPosition({ write, row }: Fresh): PositionRecord[] {
  if (row.recipient_id === null || row.sender_delivered === null) return [];
  return [["p", write.message.senderId, null, row.sender_delivered]];
}

/** Of direct messages: each list has one new version for the whole batch. */
function listChanges(fresh: readonly Fresh[], posts: HistoryPosts): Changed[] {
  const versions = new Map<number, number>();
  const concerned = new Map<number, Fresh[]>();
  const note = (userId: number | null, ver: number | null, one: Fresh): void => {
    if (userId === null || ver === null) return;
    versions.set(userId, ver);
    const known = concerned.get(userId);
    if (known === undefined) concerned.set(userId, [one]);
    else if (!known.includes(one)) known.push(one);
  };
  for (const one of fresh) {
    note(one.write.message.senderId, one.row.sender_list, one);
    note(one.row.recipient_id, one.row.recipient_list, one);
  }
  return [...versions].map(([userId, ver]) => {
    const own = concerned.get(userId) ?? [];
    // A conversation that is new has no entry in the list yet.
    if (own.some(({ row }) => row.prev_ver === 0)) return { key: listKey(userId), ver };
    const records = own.flatMap((one) => listRecords(one, userId, own));
    return { key: listKey(userId), ver, post: postToList(posts, userId, { prev: ver - 1, records }) };
  });
}

function listRecords(one: Fresh, userId: number, batch: readonly Fresh[]): (SentRecord | MovedRecord)[] {
  const { row } = one;
  const { senderId } = one.write.message;
  const isSeen = !row.hidden || senderId === userId;
  const sent: SentRecord = ["s", row.conversation_id, row.ver, row.seq, senderId, isSeen ? cellsOf(one) : null];
  const received = batch.find(
    (other) => other.row.conversation_id === row.conversation_id && other.row.seq === row.sender_delivered,
  );
  if (received === undefined) return [sent];
  return [
    sent,
    ["p", row.conversation_id, row.ver, row.seq, senderId, [null, null, received.row.seq, received.row.id], 0],
  ];
}

/** What moved positions change: in a direct conversation both see it, in a group it is the member's own affair. */
export function advanceChanges(rows: readonly Moved[], posts: HistoryPosts): Changed[] {
  return rows.flatMap((row): Changed[] => {
    const { user_id: userId, peer_id: peerId, read_seq: read, delivered_seq: delivered } = row;
    // What a list keeps of a group may be older than the group.
    if (row.group_id !== null || peerId === null) return [{ key: listKey(userId), ver: row.user_list }];
    const position: MovedRecord[5] = [read, row.read_message_id, delivered, row.delivered_message_id];
    const moved: MovedRecord = ["p", row.conversation_id, row.ver, row.seq, userId, position, row.cleared];
    const toList = (of: number, ver: number): Changed => ({
      key: listKey(of),
      ver,
      post: postToList(posts, of, { prev: ver - 1, records: [moved] }),
    });
    const place = directPlace(userId, peerId);
    const record: PositionRecord = ["p", userId, read, delivered];
    const post = postTo(posts, place, { prev: row.ver - 1, records: [record] });
    return [
      toList(userId, row.user_list),
      ...(peerId === userId || row.peer_list === null ? [] : [toList(peerId, row.peer_list)]),
      { key: conversationKey(place), ver: row.ver, post },
      ...changedUnread(place.lo, place.hi, row.ver),
    ];
  });
}

export function postTo(posts: HistoryPosts, place: Place, what: { prev: number; records: readonly unknown[] }): Post {
  return { source: posts.conv, ...what, compact: () => posts.compact(place) };
}

function postToList(posts: HistoryPosts, userId: number, what: { prev: number; records: readonly unknown[] }): Post {
  return { source: posts.list, ...what, compact: () => posts.compactList(userId) };
}

function placeOf({ write, row: { recipient_id: recipientId, group_id: groupId } }: Fresh): Place {
  return recipientId === null ? { groupId: groupId ?? 0 } : directPlace(write.message.senderId, recipientId);
}

function cellsOf({ write: { message }, row }: Fresh): MessageCells {
  const reply = row.reply === null ? null : withoutOwnReply(row.reply.cells);
  const { senderId, clientId, messageType, content } = message;
  const { id, seq, ver, created_at: at, hidden } = row;
  return [id, seq, ver, senderId, clientId, messageType, content, 1, at, hidden, reply?.[0] ?? null, reply];
}

/** The cells of a message replied to end where its own reply would stand. */
function withoutOwnReply(cells: MessageCells): MessageCells {
  const copy: MessageCells = [...cells];
  [copy[10], copy[11]] = [null, null];
  return copy;
}
