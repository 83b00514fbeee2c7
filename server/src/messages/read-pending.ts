import { limits, type ConversationDeleteFrame, type MessageDeleteFrame, type MessageEditFrame } from "@om/protocol";
import type { MessageFrame } from "@om/protocol";
import type { Online, UserViews } from "../accounts/user-view.ts";
import { conversationName } from "../conversations/conversation-row.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import type { NewsRow, PendingStore } from "./pending-store.ts";

/** A message that waited for its recipient, as a push would have carried it. */
export interface PendingMessage {
  frame: MessageFrame;
  conversationId: number;
}

/** What changed in a conversation since a device of the user was last told, as pushes would have carried it. */
export interface PendingNews {
  conversationId: number;
  frames: (MessageEditFrame | MessageDeleteFrame | ConversationDeleteFrame)[];
  /** All changes up to this version are in `frames`. */
  told: number;
}

interface Deps {
  store: PendingStore;
  views: UserViews;
}

/** The next messages, lowest ids first, that no device of the user proved to have received; `brought`: conversation → seq. */
export async function readPending(
  { store, views, days }: Deps & { days: number },
  userId: number,
  brought: ReadonlyMap<number, number>,
): Promise<PendingMessage[]> {
  const rows = await store.pending(userId, { brought, days, limit: limits.batchFrames });
  const online = await views.lookup(rows.flatMap(({ people }) => people));
  return rows
    .flatMap((row) =>
      toMessages(row, userId, views, online).map((message) => ({
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

/** Edits, deletes and deleted conversations that the user's devices may not know of; at most some hundreds at a connect. */
export async function readNews({ store, views }: Deps, userId: number): Promise<PendingNews[]> {
  const rows = await store.news(userId, { messages: 100, conversations: 50 });
  const online = await views.lookup(rows.flatMap(({ people }) => people));
  return rows.map((row) => ({
    conversationId: row.conversation_id,
    told: row.told,
    frames: [...clearings(row, userId), ...deletions(row, userId), ...edits(row, userId, { views, online })],
  }));
}

function clearings(row: NewsRow, userId: number): ConversationDeleteFrame[] {
  if (row.cleared === 0) return [];
  const name = conversationName(row, userId);
  return [{ type: "conversation_delete", conversation_id: name, ver: row.cleared, seq: row.seq }];
}

function deletions(row: NewsRow, userId: number): MessageDeleteFrame[] {
  const name = conversationName(row, userId);
  return row.deleted.map(({ id, ver, sender_id: senderId }) => ({
    type: "message_delete",
    message: {
      id,
      sender_id: senderId,
      recipient_id: row.group_id === null ? userId : null,
      group_id: row.group_id,
      conversation_id: name,
    },
    conversation_id: name,
    ver,
    seq: row.seq,
  }));
}

function edits(
  row: NewsRow,
  userId: number,
  { views, online }: { views: UserViews; online: Online },
): MessageEditFrame[] {
  return toMessages(row, userId, views, online).map((message) => ({
    type: "message_edit",
    message,
    conversation_id: message.conversation_id,
    ver: message.ver,
    seq: row.seq,
  }));
}
