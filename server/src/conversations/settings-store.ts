import type { ConversationSettings } from "@om/protocol";
import type { CacheWrites } from "../cache/cache-writes.ts";
import { statement } from "../platform/postgres/statement.ts";
import { invalidatedLists, listLock } from "./cache-keys.ts";
import { refValues, type ConversationRef } from "./conversation-ref.ts";

const lock = statement<never>("settings.lock", "select lock_objects(array[$1])");

const change = statement<{ settings: ConversationSettings | null }>(
  "settings.change",
  `with changed as (
     update participants p
     set settings = nullif(jsonb_strip_nulls(coalesce(p.settings, '{}') || $5::jsonb), '{}'), changed_xid = pg_current_xact_id()
     from conversations c
     where p.user_id = $1 and p.conversation_id = c.id and p.left_at is null and (c.group_id = $4 or (c.lo = $2 and c.hi = $3))
       and exists (select from users u where u.id = $1 and u.deleted_at is null)
     returning p.settings
   ),
   listed as (update user_state set list_ver = list_ver + 1 where user_id = $1 and exists (select from changed))
   select settings from changed`,
);

/** How users keep their conversations. */
export function settingsStore(writes: CacheWrites) {
  return {
    /** Null takes a setting away. Undefined: there is no such conversation, or the user is not in it. */
    change: (
      userId: number,
      ref: ConversationRef,
      settings: { [K in keyof ConversationSettings]?: ConversationSettings[K] | null },
    ): Promise<ConversationSettings | undefined> =>
      writes.transaction(async (queries, invalidate) => {
        await queries.query(lock, [listLock(userId)]);
        const [row] = await queries.query(change, [userId, ...refValues(ref), JSON.stringify(settings)]);
        if (row === undefined) return undefined;
        (await invalidatedLists(queries, [userId])).forEach(invalidate);
        return row.settings ?? {};
      }),
  };
}
export type SettingsStore = ReturnType<typeof settingsStore>;
