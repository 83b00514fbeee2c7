import type { Queries } from "../platform/postgres/database.ts";
import type { SendWrite } from "./write.ts";

/** Which of the users may now read the attachments. */
export type CanReadAttachments = (
  db: Queries,
  claims: readonly { key: string; userId: number }[],
) => Promise<boolean[]>;

/**
 * Whoever names an attachment that somebody else has uploaded must be able to read it at that moment. Otherwise the message is only
 * text, which gives nobody access, and whoever lost an attachment could not get it back by its URL.
 */
export async function authorizeAttachments(
  db: Queries,
  canRead: CanReadAttachments,
  sends: readonly SendWrite[],
): Promise<void> {
  const borrowing = sends.flatMap((write) =>
    write.foreignAttachment === undefined ? [] : [{ write, ...write.foreignAttachment }],
  );
  if (borrowing.length === 0) return;
  const claims = borrowing.map(({ write, key }) => ({ key, userId: write.message.senderId }));
  const allowed = await canRead(db, claims);
  borrowing.forEach(({ write, url }, i) => {
    if (allowed[i] !== true) write.message = { ...write.message, messageType: "text", content: url };
  });
}
