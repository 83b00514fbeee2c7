import type { ErrorCode, MessageType } from "@om/protocol";
import type { Invalidation as CacheChange } from "../cache/marks.ts";
import type { CacheWrites } from "../cache/cache-writes.ts";
import { invalidatedGroup, invalidatedLists, invalidatedUnread, conversationKey } from "../conversations/cache-keys.ts";
import { refOf } from "../conversations/conversation-ref.ts";
import { OmError } from "../platform/om-error.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import type { PostTargets } from "./cache-changes.ts";
import type { DeleteRecord, EditRecord } from "./history.ts";

/** Where a change happened, and what the conversation's versions are by now. */
export interface RevisedConversation {
  lo: number | null;
  hi: number | null;
  group_id: number | null;
  ver: number;
  seq: number;
  /** Of a group. */
  members: number[] | null;
}

export interface RevisedMessage extends RevisedConversation {
  conversation_id: number;
  sender_id: number;
  /** Only its author sees it. */
  hidden: boolean;
}

export interface ClearedConversation extends RevisedConversation {
  everyone: boolean;
  /** Up to where the other of a direct conversation now sees it as read; null: that one is not to know. */
  read_message_id: number | null;
}

/** Why nothing was changed; unknown: there is no such thing, or the user does not see it. */
type RevisionRefused = { outcome: "unknown" | "forbidden" };
export type Outcome<T extends RevisedConversation> = ({ outcome: "done" } & T) | RevisionRefused;

/** @throws OmError `forbidden`, or the code for what is not there */
export function requireDone<T extends RevisedConversation>(row: Outcome<T>, unknown: ErrorCode): T {
  if (row.outcome === "done") return row;
  throw new OmError(row.outcome === "unknown" ? unknown : "forbidden");
}

const changeMessage = statement<Outcome<RevisedMessage>>(
  "revisions.revise_message",
  "select * from revise_message($1, $2, $3)",
);
/** What the edit made of the message; an image or file is what $2 names, or becomes text. */
const edited = statement<{ content: string; version: number; message_type: MessageType }>(
  "revisions.edited",
  `with made as (
     select id, version, case when $2::text is null then 'text' else message_type end as message_type,
       case when $2::text is null or message_type = 'text' then content else $2::text end as content
     from messages where id = $1
   ),
   media as (
     update messages m set message_type = made.message_type, content = made.content
     from made where m.id = made.id and m.message_type <> 'text'
   ),
   searchable as (
     insert into searchable_messages
     select m.id, m.conversation_id, m.seq, made.content
     from made join messages m on m.id = made.id
       join search_progress p on p.conversation_id = m.conversation_id and m.seq <= p.seq
     where made.message_type = 'text'
     on conflict (message_id) do update set content = excluded.content
   )
   select content, version, message_type from made`,
);
const clearConversation = statement<Outcome<ClearedConversation>>(
  "revisions.clear_conversation",
  "select * from clear_conversation($1, $2, $3)",
);

interface MessageChange {
  userId: number;
  messageId: number;
  /** null deletes. */
  content: string | null;
  /** The content if it is a URL of ours, as it is stored: an image or file stays one; else the message is a text from now on. */
  media: string | null;
}

/** Lists and unread counts of a direct conversation that changed; a group's list entries follow the group's own version. */
export async function directChanges(
  queries: Queries,
  { lo, hi, ver }: Pick<RevisedConversation, "lo" | "hi" | "ver">,
): Promise<CacheChange[]> {
  if (lo === null || hi === null) return [];
  return [...(await invalidatedLists(queries, [...new Set([lo, hi])])), ...invalidatedUnread(lo, hi, ver)];
}

/** What becomes of messages after they were sent; see revise-message.sql and clear-conversation.sql, which also decide who may. */
export function revisionStore(writes: CacheWrites, posts: PostTargets) {
  return {
    change: ({ userId, messageId, content, media }: MessageChange) =>
      writes.transaction(async (queries, invalidate) => {
        const [row] = await queries.query(changeMessage, [userId, messageId, content]);
        if (row?.outcome !== "done") return row ?? ({ outcome: "unknown" } as const);
        const [one] = content === null ? [] : await queries.query(edited, [messageId, media]);
        const record: EditRecord | DeleteRecord =
          one === undefined
            ? ["d", messageId, row.ver]
            : ["e", messageId, row.ver, one.content, one.version, one.message_type];
        const post = () => posts.history(refOf(row), { prev: row.ver - 1, records: [record] });
        invalidate({ key: conversationKey(refOf(row)), ver: row.ver, post });
        (await directChanges(queries, row)).forEach(invalidate);
        return row;
      }),
    clear: (userId: number, conversationId: number, everyone: boolean) =>
      writes.transaction(async (queries, invalidate) => {
        const [row] = await queries.query(clearConversation, [userId, conversationId, everyone]);
        if (row?.outcome !== "done") return row ?? ({ outcome: "unknown" } as const);
        if (row.group_id !== null) {
          (await invalidatedGroup(queries, row.group_id, [userId])).forEach(invalidate);
        } else {
          invalidate({ key: conversationKey(refOf(row)), ver: row.ver });
          (await directChanges(queries, row)).forEach(invalidate);
        }
        return row;
      }),
  };
}
export type RevisionStore = ReturnType<typeof revisionStore>;
