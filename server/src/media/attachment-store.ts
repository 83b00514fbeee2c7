import type { Database, Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** Somebody who wants to read an attachment, or to name it in a message. */
export interface Claim {
  key: string;
  userId: number;
}

const visible = statement<{ ord: number }>(
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
   )`,
);
/** Which of the claims are by users who now see a message that names the attachment. */
export async function readableAttachments(db: Queries, claims: readonly Claim[]): Promise<boolean[]> {
  const rows = await db.query(visible, [claims.map(({ key }) => key), claims.map(({ userId }) => userId)]);
  const seen = new Set(rows.map(({ ord }) => ord));
  return claims.map((_claim, i) => seen.has(i + 1));
}

/** Who may see an attachment, as far as messages say. */
export function attachmentStore(db: Database) {
  return {
    /** Whether the user now sees a message that names the attachment. */
    isVisible: async (claim: Claim) => (await readableAttachments(db, [claim]))[0] ?? false,
  };
}
export type AttachmentStore = ReturnType<typeof attachmentStore>;
