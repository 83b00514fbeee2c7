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

/** Why nothing was changed; unknown: there is no such thing, or the user does not see it. */
type RevisionRefused = { outcome: "unknown" | "forbidden" };
type Outcome<T extends RevisedConversation> = ({ outcome: "done" } & T) | RevisionRefused;

/** @throws OmError `forbidden`, or the code for what is not there */
export function requireDone<T extends RevisedConversation>(row: Outcome<T>, unknown: ErrorCode): T {
  if (row.outcome === "done") return row;
  throw new OmError(row.outcome === "unknown" ? unknown : "forbidden");
}

const changeMessage = statement<Outcome<RevisedMessage>>(
  "revisions.revise_message",
  "select * from revise_message($1, $2, $3)",
);
/** What the edit made of the message; one that is no longer an image or file ($2) becomes text. */
const edited = statement<{ content: string; version: number; message_type: MessageType }>(
  "revisions.edited",
  `with texts as (update messages set message_type = 'text' where id = $1 and not $2 and message_type <> 'text')
   select content, version, case when $2 then message_type else 'text' end as message_type from messages where id = $1`,
);
const clearConversation = statement<Outcome<RevisedConversation>>(
  "revisions.clear_conversation",
  "select * from clear_conversation($1, $2, $3)",
);

interface MessageChange {
  userId: number;
  messageId: number;
  /** null deletes. */
  content: string | null;
  /** An image or file stays one; else the message is a text from now on. */
  isMedia: boolean;
}

/** Lists and unread counts of a direct conversation that changed; a group's list entries follow the group's own version. */
async function directChanges(queries: Queries, { lo, hi, ver }: RevisedConversation): Promise<CacheChange[]> {
  if (lo === null || hi === null) return [];
  return [...(await invalidatedLists(queries, [...new Set([lo, hi])])), ...invalidatedUnread(lo, hi, ver)];
}

/** What becomes of messages after they were sent; see revise-message.sql and clear-conversation.sql, which also decide who may. */
export function revisionStore(writes: CacheWrites, posts: PostTargets) {
  return {
    change: ({ userId, messageId, content, isMedia }: MessageChange) =>
      writes.transaction(async (queries, invalidate) => {
        const [row] = await queries.query(changeMessage, [userId, messageId, content]);
        if (row?.outcome !== "done") return row ?? ({ outcome: "unknown" } as const);
        const [one] = content === null ? [] : await queries.query(edited, [messageId, isMedia]);
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
