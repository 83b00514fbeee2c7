import type { MessageStatus, MessageType } from "@om/protocol";
import type { Profile } from "../accounts/user-view.ts";
import { conversationKey, type RaiseFloor } from "../conversations/cache-keys.ts";
import {
  refColumns,
  refOf,
  conversationByRef,
  refValues,
  type ConversationRef,
} from "../conversations/conversation-ref.ts";
import {
  boundedText,
  conversationColumns,
  conversationTables,
  foundMessages,
  jsonTime,
  messageArray,
  profilesColumn,
  rowWithFound,
  visibleMessages,
  type ConversationRow,
  type MessageExtras,
  type MessageTuple,
} from "../conversations/conversation-row.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement, type Statement } from "../platform/postgres/statement.ts";

/** A message to store; (senderId, clientId) names it for ever. */
export interface NewMessage {
  senderId: number;
  to: { recipientId: number } | { groupId: number };
  clientId: string;
  messageType: MessageType;
  content: string;
  replyToId: number | undefined;
  /** Mentions, or from whom it was forwarded. */
  extras?: MessageExtras | undefined;
}

/** What became of one message of a batch; `ord` counts from 1. */
export interface StoredRow {
  ord: number;
  outcome: "stored" | "duplicate";
  id: number;
  conversation_id: number;
  recipient_id: number | null;
  group_id: number | null;
  seq: number;
  ver: number;
  status: MessageStatus;
  /** The recipient has blocked the sender and will never see it. */
  hidden: boolean;
  created_at: string;
  sender: Profile;
  /** The message replied to, whoever may see it; it ends before those of a reply of its own. */
  reply: { message: MessageTuple; sender: Profile } | null;
  /** Of a group. */
  members: number[] | null;
  /** Versions of the lists by now, of a direct message that was stored. */
  sender_list_ver: number | null;
  recipient_list_ver: number | null;
  /** How far the sender has received by now; null: as before. */
  sender_delivered: number | null;
  /** Version of the sender's profile if this is the first message to somebody, who may see that one's presence from now on. */
  sender_ver: number | null;
  /** Of whom it is for, those with whom the sender has a block. */
  apart: readonly number[];
  /** What the batch changes is in cache_dirty. */
  dirty_added: boolean;
}

/** What send_batch() answers; see there. */
interface SentBatch {
  stored: SentRow[];
  known: (SentRow & Pick<StoredRow, "status">)[] | null;
  delivered: { user_id: number; conversation_id: number; delivered_seq: number }[] | null;
  lists: Record<number, number> | null;
  members: Record<number, number[]> | null;
  opened: Record<number, number> | null;
  apart: Record<number, number[]> | null;
  senders: Profile[] | null;
  dirty: boolean;
}

interface SentRow extends Pick<
  StoredRow,
  "ord" | "id" | "conversation_id" | "group_id" | "seq" | "ver" | "created_at" | "hidden" | "reply"
> {
  sender: number;
  recipient: number | null;
}

/** What send_direct() answers; see there. */
interface SentDirect extends Pick<
  StoredRow,
  | "id"
  | "conversation_id"
  | "seq"
  | "ver"
  | "created_at"
  | "sender"
  | "sender_list_ver"
  | "recipient_list_ver"
  | "sender_ver"
> {
  delivered: number | null;
  dirty: boolean;
}

const sendDirect = statement<{ sent: SentDirect | null }>(
  "messages.send_direct",
  "select send_direct($1, $2, $3, $4, $5, $6) as sent",
);

const sendBatch = statement<{ sent: SentBatch }>(
  "messages.send_batch",
  "select send_batch($1, $2, $3, $4, $5, $6, $7, $8, $9) as sent",
);

/**
 * Stores all in one transaction; no row where there is no such recipient or the sender is not in the group.
 * @param epoch under which the cache is marked before the commit; null: it is not
 */
export async function storeMessages(
  db: Queries,
  batch: readonly NewMessage[],
  epoch: number | null = null,
): Promise<StoredRow[]> {
  const [message] = batch;
  if (batch.length === 1 && message !== undefined) {
    const row = await storeDirect(db, message, epoch);
    if (row !== undefined) return [row];
  }
  const rows = await db.query(sendBatch, [
    batch.map(({ senderId }) => senderId),
    batch.map(({ to }) => ("recipientId" in to ? to.recipientId : null)),
    batch.map(({ to }) => ("groupId" in to ? to.groupId : null)),
    batch.map(({ clientId }) => clientId),
    batch.map(({ messageType }) => messageType),
    batch.map(({ content }) => content),
    batch.map(({ replyToId }) => replyToId ?? null),
    epoch,
    batch.some(({ extras }) => extras !== undefined)
      ? batch.map(({ extras }) => (extras === undefined ? null : JSON.stringify(extras)))
      : null,
  ]);
  return storedRows(only(rows).sent);
}

/** @returns undefined: nothing is stored, because send_direct() does not do what this message needs */
async function storeDirect(
  db: Queries,
  { senderId, to, clientId, messageType, content, replyToId, extras }: NewMessage,
  epoch: number | null,
): Promise<StoredRow | undefined> {
  if (!("recipientId" in to) || replyToId !== undefined || extras !== undefined) return undefined;
  const values = [senderId, to.recipientId, clientId, messageType, content, epoch];
  const { sent } = only(await db.query(sendDirect, values));
  if (sent === null) return undefined;
  const { created_at: at, delivered, dirty, ...row } = sent;
  return {
    ...row,
    ord: 1,
    outcome: "stored",
    recipient_id: to.recipientId,
    group_id: null,
    status: "sent",
    hidden: false,
    created_at: jsonTime(at),
    reply: null,
    members: null,
    sender_delivered: delivered,
    apart: [],
    dirty_added: dirty,
  };
}

function storedRows(sent: SentBatch): StoredRow[] {
  const { delivered, lists, members, senders, opened, apart } = sent;
  const profiles = new Map(senders?.map((profile) => [profile.id, profile]));
  const positions = new Map(delivered?.map((at) => [`${at.conversation_id}/${at.user_id}`, at.delivered_seq]));
  const rowOf = (row: SentRow, outcome: StoredRow["outcome"], status: MessageStatus): StoredRow => {
    const { ord, id, conversation_id, recipient: recipient_id, group_id, seq, ver, hidden, reply } = row;
    const sender = profiles.get(row.sender);
    if (sender === undefined) throw new Error("a sender without a profile");
    const isDirect = outcome === "stored" && recipient_id !== null;
    return {
      ord,
      outcome,
      id,
      conversation_id,
      recipient_id,
      group_id,
      seq,
      ver,
      status,
      hidden,
      created_at: jsonTime(row.created_at),
      sender,
      reply,
      members: group_id === null ? null : (members?.[group_id] ?? []),
      sender_list_ver: isDirect ? (lists?.[row.sender] ?? null) : null,
      recipient_list_ver: isDirect ? (lists?.[recipient_id] ?? null) : null,
      sender_delivered: positions.get(`${conversation_id}/${row.sender}`) ?? null,
      sender_ver: isDirect ? (opened?.[row.sender] ?? null) : null,
      apart: apart?.[row.sender] ?? [],
      dirty_added: sent.dirty,
    };
  };
  return [
    ...sent.stored.map((row) => rowOf(row, "stored", "sent")),
    ...(sent.known ?? []).map((row) => rowOf(row, "duplicate", row.status)),
  ];
}

/** A message just stored as its parts are known without reading it again: what was given, and what the database added. */
export function storedTuple(message: NewMessage, row: StoredRow): MessageTuple {
  const reply = row.reply === null ? null : ([...row.reply.message, null, null, null] as unknown as MessageTuple);
  const { senderId, clientId, messageType, content } = message;
  const { id, seq, ver, created_at: at, hidden } = row;
  return [
    id,
    seq,
    ver,
    senderId,
    clientId,
    messageType,
    content,
    1,
    at,
    hidden,
    reply?.[0] ?? null,
    reply,
    message.extras ?? null,
  ];
}

/** Every read has the conversation as $1, $2, $3 and the viewer as $4. */
const inPlace = `from ${conversationByRef("$1::bigint", "$2::bigint", "$3::bigint")} ${conversationTables("$4")}`;
const visible = visibleMessages("$4");
const row = rowWithFound("$4");

const history = statement<ConversationRow>(
  "messages.history",
  `select ${row} ${inPlace}, lateral (
     select ${foundMessages("$4", "m.seq desc")} from (
       select m.* from messages m
       where ${visible} and m.seq <= case when $5::bigint = 0 then c.seq else seq_of_message(c.id, $5::bigint - 1) end
       order by m.seq desc limit $6
     ) m
   ) found`,
  { onReplica: true },
);

/** $6 messages up to the place of one, and $7 after it. */
const around = statement<ConversationRow>(
  "messages.around",
  `select ${row} ${inPlace}, seq_of_message(c.id, $5::bigint) as place, lateral (
     select ${foundMessages("$4", "m.seq desc")} from (
       (select m.* from messages m where ${visible} and m.seq <= place order by m.seq desc limit $6)
       union all (select m.* from messages m where ${visible} and m.seq > place order by m.seq limit $7)
     ) m
   ) found`,
);

const since = statement<ConversationRow & { ord: number; is_cut: boolean }>(
  "messages.since",
  `select i.ord, ${row}, coalesce(found.is_cut, false) as is_cut
   from unnest($1::bigint[], $2::bigint[], $3::bigint[], $6::bigint[]) with ordinality as i(lo, hi, group_id, after, ord),
     lateral (select c.* from ${conversationByRef("i.lo", "i.hi", "i.group_id")}) c ${conversationTables("$4")},
     lateral (
       select ${foundMessages("$4", "m.seq", "filter (where not m.is_over)")}, bool_or(m.is_over) as is_cut from ${boundedText(
         `select m.* from messages m where ${visible} and m.seq > seq_of_message(c.id, i.after) order by m.seq limit $5`,
         "m.seq",
       )}
     ) found`,
);

/** A deleted message is named by id, ver and seq alone. */
const tombstone = "json_build_object('id', m.id, 'seq', m.seq, 'ver', m.ver)";
const seen = "m.conversation_id = c.id and m.seq > me.cleared_seq and (not m.hidden or m.sender_id = $4)";
const changedSince = statement<
  ConversationRow & { deleted: { id: number; seq: number; ver: number }[]; next_ver: number | null }
>(
  "messages.changed_since",
  `select ${row}, coalesce(found.deleted, '[]') as deleted, case when found.n > $6 then found.upto end as next_ver
   ${inPlace}, lateral (
     select ${foundMessages("$4", "m.key", "filter (where m.n <= $6 and m.deleted_at is null)")},
       json_agg(${tombstone} order by m.key) filter (where m.n <= $6 and m.deleted_at is not null) as deleted,
       count(*) as n, max(m.key) filter (where m.n <= $6) as upto
     from (
       select m.*, row_number() over (order by m.key) as n from (
         (select m.*, m.first_ver as key from messages m
          where ${seen} and m.seq > seq_at_version(c.id, $5::bigint) order by m.seq limit $6 + 1)
         union all
         (select m.*, m.ver as key from messages m
          where ${seen} and (m.edited_at is not null or m.deleted_at is not null or m.extras ? 'reactions') and m.ver > $5::bigint
            and m.seq <= seq_at_version(c.id, $5::bigint) order by m.ver limit $6 + 1)
       ) m order by m.key limit $6 + 1
     ) m
   ) found`,
);

const one = statement<ConversationRow>(
  "messages.one",
  `select ${conversationColumns}, json_build_array(${messageArray("$1")}) as messages,
     ${profilesColumn("$1", "array[m.sender_id, (select r.sender_id from messages r where r.id = m.reply_to_id)]")}
   from messages m join conversations c on c.id = m.conversation_id ${conversationTables("$1")}
   where m.id = $2 and (not m.hidden or m.sender_id = $1)`,
);

const visibleOne = statement<ConversationRow>(
  "messages.visible_one",
  `select ${conversationColumns}, json_build_array(${messageArray("$1")}) as messages, '[]'::json as profiles
   from messages m join conversations c on c.id = m.conversation_id ${conversationTables("$1")} where m.id = $2 and ${visibleMessages("$1")}`,
);

const idAfterLeaving = statement<{ id: number }>(
  "messages.id_after_leaving",
  `select nextval('message_ids') as id from conversations c join participants p on p.conversation_id = c.id
   where c.group_id = $2 and p.user_id = $1 and p.left_at is not null`,
);

/**
 * Reads of messages. Every statement takes the viewer and shows only conversations that viewer takes part in.
 * @param raiseFloor hears which version of a cached history somebody is shown
 */
export function messageStore(db: Queries, raiseFloor: RaiseFloor = () => undefined) {
  const read = async <Row extends ConversationRow>(one: Statement<Row>, values: readonly unknown[]): Promise<Row[]> => {
    const rows = await db.query(one, values);
    for (const row of rows) raiseFloor(conversationKey(refOf(row)), row.ver);
    return rows;
  };
  return {
    /** Newest first, ids strictly below `before` (0: from the end). No row: no such conversation of the viewer. */
    async history(ref: ConversationRef, viewerId: number, page: { before: number; limit: number }) {
      const [row] = await read(history, [...refValues(ref), viewerId, page.before, page.limit]);
      return row;
    },
    /** Newest first, `limit` in all, half of them newer than a message or where it would be. */
    async around(ref: ConversationRef, viewerId: number, { id, limit }: { id: number; limit: number }) {
      const newer = Math.floor(limit / 2);
      const [row] = await read(around, [...refValues(ref), viewerId, id, limit - newer, newer]);
      return row;
    },
    /** Oldest first, ids above each request's `after`; `ord` counts the requests from 1, unknown conversations have no row. `is_cut`: for want of room. */
    async since(requests: readonly { ref: ConversationRef; after: number }[], viewerId: number, limit: number) {
      const refs = refColumns(requests.map(({ ref }) => ref));
      return read(since, [...refs, viewerId, limit, requests.map(({ after }) => after)]);
    },
    /**
     * Messages sent or changed after version `ver`, in that order, and ids of deleted ones; `next_ver` goes on where the page
     * ends, if there is more.
     */
    async changedSince(ref: ConversationRef, viewerId: number, page: { ver: number; limit: number }) {
      const [row] = await read(changedSince, [...refValues(ref), viewerId, page.ver, page.limit]);
      return row;
    },
    /** An id that no message will have, for somebody who has been in the group and is not any more. */
    idAfterLeaving: async (userId: number, groupId: number) =>
      (await db.query(idAfterLeaving, [userId, groupId]))[0]?.id,
    /** One message, also a deleted one, which has no content. */
    /** One message that the viewer sees, without profiles. */
    visible: async (messageId: number, viewerId: number) => (await db.query(visibleOne, [viewerId, messageId]))[0],
    one: async (messageId: number, viewerId: number) => (await db.query(one, [viewerId, messageId]))[0],
  };
}
export type MessageStore = ReturnType<typeof messageStore>;
