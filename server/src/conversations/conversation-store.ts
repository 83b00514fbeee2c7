import { limits, type Conversation, type ConversationSettings, type Face, type GroupChange } from "@om/protocol";
import { profileJson } from "../accounts/profile-columns.ts";
import type { Profile } from "../accounts/user-view.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement, type Statement } from "../platform/postgres/statement.ts";
import { listKey, type RaiseFloor } from "./cache-keys.ts";
import { conversationByRef, refValues, type ConversationRef } from "./conversation-ref.ts";
import {
  conversationColumns,
  conversationTables,
  messageArray,
  profilesColumn,
  type ConversationRow,
} from "./conversation-row.ts";

/** A conversation of one user with the last message that user sees (`messages` holds at most that) and positions as message ids. */
export interface HeadRow extends ConversationRow {
  group: Conversation["group"];
  activity: string;
  unread: number;
  cleared_seq: number;
  settings: ConversationSettings | null;
  /** Unread messages that mention the viewer. */
  mentions: number;
  my_read_id: number;
  my_delivered_id: number;
  peer_read_id: number;
  peer_delivered_id: number;
}

/** A group in which a user is, and the version of its conversation. */
export type GroupVersion = [conversationId: number, groupId: number, ver: number];

/** A head without profiles, with times as JSON has them. `last_visible_id`: the last message that the user sees. */
export type ListedHead = Omit<HeadRow, "profiles"> & { last_visible_id: number | null };

/** Where to go on in the list: of an entry without a message `messageId` is 0. */
export interface ListCursor {
  at: string;
  messageId: number;
  conversationId: number;
}

/** What a device that comes back is told of a conversation. */
export interface ChangedRow extends HeadRow {
  group_change:
    | (Omit<GroupChange, "handle" | "members"> & {
        handle: string | null;
        /** What the group says of itself. */
        is_changed: boolean;
        /** null: there is no cursor. */
        members: NonNullable<GroupChange["members"]> | null;
      })
    | null;
}

/** See resume_from(). */
interface ResumeRow {
  epoch: string;
  point: number;
  usable: boolean;
  people: Face[] | null;
  blocked: number[] | null;
  removed: number[] | null;
}

interface PeerRow {
  last_message_at: string;
  last_message_id: number;
  peer: Profile;
}

/** Where the caller is in a conversation. */
export interface Participant {
  conversation_id: number;
  /** Newest message that is not deleted, 0 when there is none. */
  latest_id: number;
  read_id: number;
}

/** Message id at a position; nearly always the last message or none. */
const idAt = (seq: string): string =>
  `case when ${seq} = c.seq then coalesce(c.last_message_id, 0) when coalesce(${seq}, 0) = 0 then 0` +
  ` else (select m.id from messages m where m.conversation_id = c.id and m.seq = ${seq}) end`;

/** Last message that a participant `p` sees in `conversations c`, null when there is none, and what the list is sorted by. */
const lastVisible =
  "case when coalesce(p.last_visible_id, c.last_message_id, 0) > p.cleared_id then coalesce(p.last_visible_id, c.last_message_id) end";
const activity =
  `coalesce(case when coalesce(p.last_visible_id, c.last_message_id, 0) > p.cleared_id` +
  " then case when p.last_visible_id is null then c.last_message_at else p.last_visible_at end end, g.updated_at, c.last_message_at, p.joined_at)";

/** $1 is the viewer; `page` names the conversations with `last_visible_id` and `activity`. */
const headsWith = (
  profiles: string,
): string => `select ${conversationColumns}, page.activity, me.cleared_seq, me.settings, case when c.group_id is null or c.seq = me.read_seq then 0 else (
       select count(*) from messages m where m.conversation_id = c.id and m.seq > greatest(me.read_seq, me.cleared_seq) and m.extras ? 'mentions'
         and m.extras -> 'mentions' @> to_jsonb(me.user_id) and m.sender_id <> me.user_id
     ) end as mentions,
     (c.seq - me.read_seq) - (me.sent - me.sent_at_read) - me.skipped as unread,
     case when g.id is not null then json_build_object('icon', g.icon, 'id', g.id, 'member_count', c.members, 'name', g.name) end as "group",
     message_at_seq(c.id, me.read_seq, me.user_id) as my_read_id, message_at_seq(c.id, me.delivered_seq, me.user_id) as my_delivered_id,
     message_at_seq(c.id, peer.read_seq, peer.user_id) as peer_read_id, message_at_seq(c.id, peer.delivered_seq, peer.user_id) as peer_delivered_id,
     coalesce(found.messages, '[]') as messages${profiles}
   from page join conversations c on c.id = page.id ${conversationTables("$1")}
     left join participants peer on peer.user_id = case when c.lo = $1 then c.hi else c.lo end and peer.conversation_id = c.id
     left join groups g on g.id = c.group_id
     left join lateral (
       select json_build_array(${messageArray("$1")}) as messages, m.sender_id from messages m where m.id = page.last_visible_id and (not m.hidden or m.sender_id = $1)
     ) found on true`;
const withProfiles = `, ${profilesColumn("$1", "array[found.sender_id]")}`;
const listVersion = ", coalesce((select list_ver from user_state where user_id = $1), 0) as list_ver";
const heads = headsWith(withProfiles + listVersion);

/** Of the viewer $1: every conversation with what the list is sorted by, and the condition to be in the list. */
const ownConversations = `select c.id, c.ver, ${lastVisible} as last_visible_id, ${activity} as activity, c.group_id
       from participants p join conversations c on c.id = p.conversation_id left join groups g on g.id = c.group_id
       where p.user_id = $1 and p.left_at is null`;
const isListed = "(group_id is not null or last_visible_id is not null)";
/** The order of the list, which is total: empty groups may have changed at the same time. */
const newestFirst = (row: string, id = "id"): string =>
  `${row}.activity desc, coalesce(${row}.last_visible_id, 0) desc, ${row}.${id} desc`;

/** The list of user $1, its first $2 entries, with the groups whose own version it depends on; all from one snapshot. */
export const firstPage = statement<{ ver: number; groups: GroupVersion[]; heads: ListedHead[] }>(
  "conversations.first_page",
  `with mine as materialized (${ownConversations}),
   page as (select * from mine where ${isListed} order by ${newestFirst("mine")} limit $2)
   select coalesce((select list_ver from user_state where user_id = $1), 0) as ver,
     (select coalesce(json_agg(json_build_array(id, group_id, ver) order by id), '[]') from mine where group_id is not null) as groups,
     (select coalesce(json_agg(h order by ${newestFirst("h", "conversation_id")}), '[]')
      from (${headsWith(", page.last_visible_id")}) h) as heads`,
);
/** Some conversations of user $1 as the list has them, with the list's version in the same snapshot. */
export const someHeads = statement<{ ver: number; heads: ListedHead[] }>(
  "conversations.some_heads",
  `with page as (select * from (${ownConversations} and c.id = any($2)) mine where ${isListed})
   select coalesce((select list_ver from user_state where user_id = $1), 0) as ver,
     (select coalesce(json_agg(h), '[]') from (${headsWith(", page.last_visible_id")}) h) as heads`,
);

const list = statement<HeadRow & { list_ver: number }>(
  "conversations.list",
  `with page as (
     select * from (${ownConversations}) own
     where ${isListed}
       and ($2::timestamptz is null or (activity, coalesce(last_visible_id, 0), id) < ($2::timestamptz, $3::bigint, $4::bigint))
     order by ${newestFirst("own")} limit $5
   )
   ${heads} order by ${newestFirst("page")}`,
);

const peers = statement<PeerRow>(
  "conversations.peers",
  `select own.activity as last_message_at, own.last_visible_id as last_message_id, ${profileJson("$1")} as peer
   from (
     select ${lastVisible} as last_visible_id, ${activity} as activity, case when c.lo = $1 then c.hi else c.lo end as peer_id
     from participants p join conversations c on c.id = p.conversation_id left join groups g on false
     where p.user_id = $1 and c.lo is not null
   ) own join users u on u.id = own.peer_id
   where own.last_visible_id is not null
   order by 1 desc, 2 desc limit $2`,
);

/** Of a group what a device that comes back has to know beside its head; members: null without a cursor. */
const groupChange = `, case when g.id is not null then json_build_object('id', g.id, 'name', g.name, 'description', g.description,
       'icon', g.icon, 'is_public', g.is_public, 'handle', g.handle, 'is_changed', coalesce(g.changed_xid >= $3::text::xid8, false),
       'members', case when $3::text is not null then (
         select coalesce(json_agg(json_build_object('user_id', q.user_id, 'role', case when q.left_at is null then q.role end)), '[]')
         from (select q.* from participants q where q.conversation_id = c.id and q.moved_xid >= $3::text::xid8 limit $5) q
       ) end) end as group_change`;
const changed = statement<ChangedRow & { list_ver: number }>(
  "conversations.changed",
  `with page as (
     ${ownConversations} and (c.group_id is not null or c.seq > 0) and c.id > $2
       and ($3::text is null or c.changed_xid >= $3::text::xid8 or p.changed_xid >= $3::text::xid8)
     order by c.id limit $4
   )
   ${headsWith(withProfiles + listVersion + groupChange)} order by c.id`,
);

const participant = statement<Participant>(
  "conversations.participant",
  `select c.id as conversation_id, coalesce(c.last_message_id, 0) as latest_id, ${idAt("me.read_seq")} as read_id
   from ${conversationByRef("$1::bigint", "$2::bigint", "$3::bigint")} ${conversationTables("$4")}`,
);

const unread = statement<{ unread_count: number; ver: number }>(
  "conversations.unread",
  `select (c.seq - me.read_seq) - (me.sent - me.sent_at_read) - me.skipped as unread_count, c.ver
   from ${conversationByRef("$1::bigint", "$2::bigint", "$3::bigint")} ${conversationTables("$4")}`,
);

const readPositions = statement<{ user_id: number; message_id: number }>(
  "conversations.read_positions",
  `select p.user_id, ${idAt("p.read_seq")} as message_id
   from participants p join conversations c on c.id = p.conversation_id
   where p.conversation_id = $1 and p.left_at is null and p.read_seq > 0 order by p.user_id limit 10000`,
);

const resume = statement<ResumeRow>("conversations.resume", "select * from resume_from($1, $2, $3, $4)");

// What the time line before this one had beyond may be lost, and its numbers given out again.
const rewound = statement<{ conversation_id: number; ver: number; seq: number }>(
  "conversations.rewound",
  `select c.id as conversation_id, coalesce(m.first_ver, 0) as ver, coalesce(m.seq, 0) as seq
   from installation i join conversations c on c.id = any($1) and c.changed_xid >= i.timeline_xid
     left join messages m on m.conversation_id = c.id and m.seq = seq_of_message(c.id, i.timeline_message_id)`,
);

const markDurable = statement<never>(
  "conversations.mark_durable",
  `update installation set durable_xid = pg_current_xact_id()
   where pg_snapshot_xmax(pg_current_snapshot())::text::bigint > durable_xid::text::bigint + 1
     or durable_xid >= pg_snapshot_xmax(pg_current_snapshot())`,
);

/**
 * Reads of conversation heads. Every statement takes the viewer and shows only conversations that viewer takes part in.
 * @param raiseFloor hears which version of a list somebody is shown
 */
export function conversationStore(db: Queries, raiseFloor: RaiseFloor = () => undefined) {
  const read = async <Row extends { list_ver: number }>(
    one: Statement<Row>,
    values: readonly [viewerId: number, ...unknown[]],
  ): Promise<Row[]> => {
    const rows = await db.query(one, values);
    const [first] = rows;
    if (first !== undefined) raiseFloor(listKey(values[0]), first.list_ver);
    return rows;
  };
  return {
    /** Newest activity first, from strictly below `before`. */
    list: (viewerId: number, before: ListCursor | undefined, limit: number) =>
      read(list, [viewerId, before?.at ?? null, before?.messageId ?? null, before?.conversationId ?? null, limit]),
    /** The version of a list that has no entries; undefined: it has some. */
    async versionIfEmpty(viewerId: number): Promise<number | undefined> {
      const [row] = await db.query(firstPage, [viewerId, 1]);
      if (row === undefined || row.heads.length > 0) return undefined;
      raiseFloor(listKey(viewerId), row.ver);
      return row.ver;
    },
    peers: (viewerId: number, limit: number) => db.query(peers, [viewerId, limit]),
    /** In order of id, above `after`, changed in or after transaction `since` (undefined: all). */
    changed: (viewerId: number, page: { since: number | undefined; after: number; limit: number }) =>
      read(changed, [
        viewerId,
        page.after,
        page.since === undefined ? null : String(page.since),
        page.limit,
        limits.changedUsers + 1,
      ]),
    /**
     * Where the viewer stands who has this cursor, and what changed beside conversations; of at most `people` and one more.
     * undefined: only where.
     */
    resume: async (viewerId: number, from: { epoch: string; point: number } | undefined, people: number | undefined) =>
      only(await db.query(resume, [viewerId, from?.epoch ?? null, from?.point ?? null, people ?? null])),
    /** Undefined: there is no such conversation, or the viewer is not in it. */
    participant: async (ref: ConversationRef, viewerId: number) =>
      (await db.query(participant, [...refValues(ref), viewerId]))[0],
    /** Undefined: there is no such conversation, or the viewer is not in it. */
    unread: async (ref: ConversationRef, viewerId: number) =>
      (await db.query(unread, [...refValues(ref), viewerId]))[0],
    /** Who has read how far, of those in the conversation who have read at all. */
    readPositions: (conversationId: number) => db.query(readPositions, [conversationId]),
    /** Of these, those that have changed on this time line: up to where they are as they were on the one before, at least. */
    rewound: (ids: readonly number[]) => db.query(rewound, [ids]),
    /** Moves the resume point's durable bound up to now, if anything happened since. */
    markDurable: () => db.query(markDurable, []),
  };
}
export type ConversationStore = ReturnType<typeof conversationStore>;
