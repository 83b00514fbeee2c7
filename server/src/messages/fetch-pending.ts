import { limits } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import { toMessages } from "../conversations/conversation-view.ts";
import { clearFrame, deleteFrame, editFrame, messageFrame } from "./message-frames.ts";
import type { PendingOf, PendingStore } from "./pending-store.ts";

interface Deps {
  store: PendingStore;
  views: UserViews;
}

/** As pushes would have carried them: for each user the next messages, lowest ids first, that no device of the user proved to have received. */
export async function fetchPending({ store, views, days }: Deps & { days: number }, of: readonly PendingOf[]) {
  const rows = await store.pending(of, { days, limit: limits.batchFrames });
  const online = await views.lookup(rows.flatMap(({ profiles }) => profiles));
  return of.map(({ userId }, i) => {
    const own = rows.filter(({ ord }) => ord === i + 1);
    const messages = own
      .flatMap((row) =>
        toMessages(row, userId, views, online).map((message) => ({
          frame: messageFrame(message),
          conversationId: row.conversation_id,
        })),
      )
      .sort((a, b) => a.frame.message.id - b.frame.message.id);
    return { messages, hasMore: messages.length === limits.batchFrames || own.some((row) => row.is_cut) };
  });
}

/** For each user: edits, deletes and deleted conversations that the user's devices may not know of; at most some hundreds at a connect. */
export async function fetchPendingRevisions({ store, views }: Deps, userIds: readonly number[]) {
  const rows = await store.pendingRevisions(userIds, { messages: 100, conversations: 50 });
  const online = await views.lookup(rows.flatMap(({ profiles }) => profiles));
  return userIds.map((userId, i) =>
    rows
      .filter(({ ord }) => ord === i + 1)
      .map((row) => ({
        conversationId: row.conversation_id,
        upToVer: row.up_to_ver,
        frames: [
          ...(row.cleared === 0 ? [] : [clearFrame(row, row.cleared, userId)]),
          ...row.deleted.map((deleted) => deleteFrame(row, deleted, userId)),
          ...toMessages(row, userId, views, online).map((message) =>
            editFrame(message, { ver: message.ver, seq: row.seq }),
          ),
        ],
      })),
  );
}
