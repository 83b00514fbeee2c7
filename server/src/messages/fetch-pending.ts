import { limits } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import { clearFrame, deleteFrame, editFrame, messageFrame } from "./message-frames.ts";
import type { PendingStore } from "./pending-store.ts";

interface Deps {
  store: PendingStore;
  views: UserViews;
}

/** As pushes would have carried them: the next messages, lowest ids first, that no device of the user proved to have received; `sentSeqs`: conversation → seq. */
export async function fetchPending(
  { store, views, days }: Deps & { days: number },
  userId: number,
  sentSeqs: ReadonlyMap<number, number>,
) {
  const rows = await store.pending(userId, { sentSeqs, days, limit: limits.batchFrames });
  const online = await views.lookup(rows.flatMap(({ profiles }) => profiles));
  return rows
    .flatMap((row) =>
      toMessages(row, userId, views, online).map((message) => ({
        frame: messageFrame(message),
        conversationId: row.conversation_id,
      })),
    )
    .sort((a, b) => a.frame.message.id - b.frame.message.id);
}

/** Edits, deletes and deleted conversations that the user's devices may not know of; at most some hundreds at a connect. */
export async function fetchPendingRevisions({ store, views }: Deps, userId: number) {
  const rows = await store.pendingRevisions(userId, { messages: 100, conversations: 50 });
  const online = await views.lookup(rows.flatMap(({ profiles }) => profiles));
  return rows.map((row) => ({
    conversationId: row.conversation_id,
    upToVer: row.up_to_ver,
    frames: [
      ...(row.cleared === 0 ? [] : [clearFrame(row, row.cleared, userId)]),
      ...row.deleted.map((deleted) => deleteFrame(row, deleted, userId)),
      ...toMessages(row, userId, views, online).map((message) =>
        editFrame(message, { ver: message.ver, seq: row.seq }),
      ),
    ],
  }));
}
