import type { CacheWrites } from "../cache/cache-writes.ts";
import { conversationKey } from "../conversations/cache-keys.ts";
import { refOf } from "../conversations/conversation-ref.ts";
import type { MessageExtras } from "../conversations/conversation-row.ts";
import { statement } from "../platform/postgres/statement.ts";
import type { PostTargets } from "./cache-changes.ts";
import type { ExtrasRecord } from "./history.ts";
import { directChanges, type Outcome, type RevisedMessage } from "./revision-store.ts";

type Reacted = Outcome<RevisedMessage & { extras: MessageExtras }> | { outcome: "same" } | { outcome: "full" };

const react = statement<Reacted>("reactions.react", "select * from react($1, $2, $3, $4, $5)");

/** Reactions to messages; see react.sql, which also decides who may. */
export function reactionStore(writes: CacheWrites, posts: PostTargets) {
  return {
    /** @param reaction `emoji`: null takes it back */
    set: (
      reaction: { userId: number; messageId: number; emoji: string | null },
      bounds: { kinds: number; people: number },
    ) =>
      writes.transaction(async (queries, invalidate): Promise<Reacted> => {
        const { userId, messageId, emoji } = reaction;
        const [row] = await queries.query(react, [userId, messageId, emoji, bounds.kinds, bounds.people]);
        if (row?.outcome !== "done") return row ?? { outcome: "unknown" };
        const record: ExtrasRecord = ["x", messageId, row.ver, row.extras];
        const post = () => posts.history(refOf(row), { prev: row.ver - 1, records: [record] });
        invalidate({ key: conversationKey(refOf(row)), ver: row.ver, post });
        (await directChanges(queries, row)).forEach(invalidate);
        return row;
      }),
  };
}
export type ReactionStore = ReturnType<typeof reactionStore>;
