import { limits, type MessageFrame } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { MessageStore } from "./message-store.ts";

/** A message that waited for its recipient, as a push would have carried it. */
export interface PendingMessage {
  frame: MessageFrame;
  conversationId: number;
}

/** The next messages, lowest ids first, above id `after`, that no device of the user proved to have received. */
export async function readPending(
  deps: { store: MessageStore; views: UserViews; days: number },
  userId: number,
  after: number,
): Promise<PendingMessage[]> {
  const rows = await deps.store.pending(userId, { after, days: deps.days, limit: limits.batchFrames });
  return rows
    .flatMap((row) =>
      toMessages(row, userId, deps.views).map((message) => ({
        frame: {
          type: "message" as const,
          message,
          conversation_id: message.conversation_id,
          ver: message.ver,
          seq: message.seq,
        },
        conversationId: row.conversation_id,
      })),
    )
    .sort((a, b) => a.frame.message.id - b.frame.message.id);
}
