import type { Database } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

const isVisible = statement<{ visible: boolean }>(
  "media.attachment_visible",
  // Few messages name an attachment, so they come first, whatever the planner believes.
  `with naming as materialized (
     select m.conversation_id, m.seq, m.sender_id, m.hidden from messages m
     where attachment_key(m.content) = $1 and m.message_type <> 'text' and m.deleted_at is null
   )
   select exists (
     select from naming n join participants p on p.conversation_id = n.conversation_id and p.user_id = $2
     where p.left_at is null and n.seq > p.cleared_seq and (not n.hidden or n.sender_id = p.user_id)
   ) as visible`,
);

/** Who may see an attachment, as far as messages say. */
export function attachmentStore(db: Database) {
  return {
    /** Whether the user now sees a message that names the attachment. */
    isVisible: async (key: string, userId: number) => (await db.query(isVisible, [key, userId]))[0]?.visible ?? false,
  };
}
export type AttachmentStore = ReturnType<typeof attachmentStore>;
