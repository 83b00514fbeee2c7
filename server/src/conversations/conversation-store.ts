import type { Profile } from "../accounts/user-view.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { conversationColumns, conversationTables, messageArray, type ConversationRow } from "./conversation-row.ts";

/** A conversation of one user with its last message (`messages` holds just that one) and positions as message ids. */
export interface HeadRow extends ConversationRow {
  last_message_at: string;
  unread: number;
  my_read_id: number;
  my_delivered_id: number;
  peer_read_id: number;
  peer_delivered_id: number;
}

interface PeerRow {
  last_message_at: string;
  last_message_id: number;
  peer: Profile;
}

/** Message id at a position; nearly always the last message or none. */
const idAt = (seq: string): string =>
  `case when ${seq} = c.seq then c.last_message_id when ${seq} = 0 then 0` +
  ` else (select m.id from messages m where m.conversation_id = c.id and m.seq = ${seq}) end`;

const headColumns =
  `${conversationColumns}, c.last_message_at,` +
  " (c.seq - me.read_seq) - (me.sent - me.sent_at_read) - me.skipped as unread," +
  ` ${idAt("me.read_seq")} as my_read_id, ${idAt("me.delivered_seq")} as my_delivered_id,` +
  ` ${idAt("peer.read_seq")} as peer_read_id, ${idAt("peer.delivered_seq")} as peer_delivered_id,` +
  ` (select json_build_array(${messageArray}) from messages m where m.id = c.last_message_id) as messages`;

/** $1 is the viewer; `me` and `peer` are the participants (the same row in notes to oneself). */
const headTables =
  conversationTables +
  " join participants me on me.user_id = $1 and me.conversation_id = c.id" +
  " join participants peer on peer.user_id = case when c.lo = $1 then c.hi else c.lo end and peer.conversation_id = c.id";

const list = statement<HeadRow>(
  "conversations.list",
  `with page as (
     select c.* from participants p join conversations c on c.id = p.conversation_id
     where p.user_id = $1 and c.lo is not null and c.seq > p.cleared_seq
       and ($2::timestamptz is null or (c.last_message_at, c.last_message_id) < ($2::timestamptz, $3::bigint))
     order by c.last_message_at desc, c.last_message_id desc limit $4
   )
   select ${headColumns} from page c ${headTables} order by c.last_message_at desc, c.last_message_id desc`,
);

const peers = statement<PeerRow>(
  "conversations.peers",
  `select c.last_message_at, c.last_message_id,
     json_build_object('id', u.id, 'username', u.username, 'email', u.email, 'full_name', u.full_name, 'avatar', u.avatar,
       'role', u.role, 'last_seen', u.last_seen) as peer
   from participants p join conversations c on c.id = p.conversation_id
     join users u on u.id = case when c.lo = $1 then c.hi else c.lo end
   where p.user_id = $1 and c.lo is not null and c.seq > p.cleared_seq
   order by c.last_message_at desc, c.last_message_id desc limit $2`,
);

const changed = statement<HeadRow>(
  "conversations.changed",
  `with page as (
     select c.* from participants p join conversations c on c.id = p.conversation_id
     where p.user_id = $1 and c.lo is not null and c.seq > 0 and c.id > $2
       and ($3::text is null or c.changed >= $3::text::xid8 or p.changed >= $3::text::xid8)
     order by c.id limit $4
   )
   select ${headColumns} from page c ${headTables} order by c.id`,
);

const resumePoint = statement<{ epoch: string; point: number; newest: number }>(
  "conversations.resume_point",
  `select resume_epoch() as epoch, resume_point() as point,
     pg_snapshot_xmax(pg_current_snapshot())::text::bigint as newest`,
);

const markDurable = statement<never>(
  "conversations.mark_durable",
  `update installation set durable = pg_current_xact_id()
   where pg_snapshot_xmax(pg_current_snapshot())::text::bigint > durable::text::bigint + 1`,
);

/** Reads of conversation heads. Every statement takes the viewer and shows only conversations that viewer takes part in. */
export function conversationStore(db: Queries) {
  return {
    /** Newest activity first, from strictly below `before`. */
    list: (viewerId: number, before: { at: string; messageId: number } | undefined, limit: number) =>
      db.query(list, [viewerId, before?.at ?? null, before?.messageId ?? null, limit]),
    peers: (viewerId: number, limit: number) => db.query(peers, [viewerId, limit]),
    /** In order of id, above `after`, changed in or after transaction `since` (undefined: all). */
    changed: (viewerId: number, page: { since: number | undefined; after: number; limit: number }) =>
      db.query(changed, [viewerId, page.after, page.since === undefined ? null : String(page.since), page.limit]),
    /** See resume_point(): where a client that is given the present may go on. `newest`: no transaction beyond it exists yet. */
    async resumePoint(): Promise<{ epoch: string; point: number; newest: number }> {
      const [row] = await db.query(resumePoint, []);
      if (row === undefined) throw new Error("no resume point");
      return row;
    },
    /** Moves the resume point's durable bound up to now, if anything happened since. */
    markDurable: () => db.query(markDurable, []),
  };
}
export type ConversationStore = ReturnType<typeof conversationStore>;
