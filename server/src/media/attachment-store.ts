import type { Database, Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

/** Somebody who wants to read an attachment, or to name it in a message. */
export interface AttachmentAccess {
  key: string;
  userId: number;
}

const readable = statement<{ ord: number }>(
  "media.attachment_visible",
  // Few messages name an attachment, so they come first, whatever the planner believes: that is what `offset 0` is for.
  `select i.ord from unnest($1::text[], $2::bigint[]) with ordinality as i(key, user_id, ord)
   where exists (
     select from messages m cross join lateral (
       select p.cleared_seq from participants p
       where p.conversation_id = m.conversation_id and p.user_id = i.user_id and p.left_at is null offset 0
     ) reader
     where attachment_key(m.content) = i.key and m.message_type <> 'text' and m.deleted_at is null
       and m.seq > reader.cleared_seq and (not m.hidden or m.sender_id = i.user_id)
   ) or (starts_with(i.key, 'attachments/' || i.user_id || '/') and not exists (
     select from messages m where attachment_key(m.content) = i.key and m.message_type <> 'text' and m.deleted_at is null
   ))`,
);
const add = statement<{ key: string }>(
  "media.attachment_add",
  `insert into attachments (key, bytes, uploaded_at, check_at)
   select $1, $2, $3, $3::timestamptz + interval '1 day' from users u where u.id = $4 and u.deleted_at is null returning key`,
);
const bytesOf = statement<{ bytes: number }>(
  "media.attachment_bytes_of",
  "select coalesce(sum(bytes), 0)::bigint as bytes from attachments where owner_id = $1",
);
const allBytes = statement<{ bytes: number }>(
  "media.attachment_bytes",
  "select coalesce(sum(bytes), 0)::bigint as bytes from attachments",
);
const due = statement<{ key: string; isReferenced: boolean }>(
  "media.attachments_due",
  // Counted, although one is enough: the planner would look for the first one in the whole table.
  `select a.key, (
     select count(*) > 0 from messages m
     where attachment_key(m.content) = a.key and m.message_type <> 'text' and m.deleted_at is null
   ) as "isReferenced"
   from (select key from attachments where check_at <= $1 order by check_at limit $2) a`,
);
const postpone = statement<never>(
  "media.attachments_postpone",
  `update attachments set check_at = $2::timestamptz + greatest($2 - uploaded_at, interval '1 day') where key = any($1::text[])`,
);
const forget = statement<never>("media.attachments_forget", "delete from attachments where key = any($1::text[])");

/** Which of the requests are by users who now see a message that names the attachment, or have uploaded one that no message names. */
export async function canReadAttachments(db: Queries, requests: readonly AttachmentAccess[]): Promise<boolean[]> {
  const rows = await db.query(readable, [requests.map(({ key }) => key), requests.map(({ userId }) => userId)]);
  const readableOrds = new Set(rows.map(({ ord }) => ord));
  return requests.map((_request, i) => readableOrds.has(i + 1));
}

/** Who may see an attachment, as far as messages say, and which are there for nobody. */
export function attachmentStore(db: Database) {
  return {
    /** Whether the user may read it: see `canReadAttachments`. */
    canRead: async (request: AttachmentAccess) => (await canReadAttachments(db, [request]))[0] ?? false,
    /** False: the user's account is closed. */
    add: async (key: string, userId: number, { bytes, at }: { bytes: number; at: Date }) =>
      (await db.query(add, [key, bytes, at, userId])).length > 0,
    /** What is kept of one person's. */
    bytesOf: async (userId: number) => only(await db.query(bytesOf, [userId])).bytes,
    allBytes: async () => only(await db.query(allBytes, [])).bytes,
    /** Those whose turn it is to be looked at, and whether a message names them. */
    due: (now: Date, limit: number) => db.query(due, [now, limit]),
    /** The first turn is a day after the upload, the next when the age has doubled. */
    postpone: (keys: readonly string[], now: Date) => db.query(postpone, [keys, now]),
    forget: (keys: readonly string[]) => db.query(forget, [keys]),
  };
}
export type AttachmentStore = ReturnType<typeof attachmentStore>;
