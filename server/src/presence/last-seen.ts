import { invalidatedProfiles, profileKey } from "../accounts/profile-cache.ts";
import { lockObjects } from "../cache/locks.ts";
import type { CacheWrites } from "../cache/cache-writes.ts";
import { statement } from "../platform/postgres/statement.ts";

const store = statement<never>(
  "presence.last_seen",
  `update users u set last_seen = greatest(u.last_seen, to_timestamp(s.at / 1000.0))
   from unnest($1::bigint[], $2::float8[]) as s(user_id, at), (select set_config('synchronous_commit', 'off', true)) as async_commit
   where u.id = s.user_id and u.deleted_at is null`,
);

/**
 * Remembers when users left and writes it in batches: `last_seen` is a courtesy, so its loss in a crash costs nothing. A batch that
 * fails is kept for the next flush.
 */
export function createLastSeen(deps: { writes: CacheWrites; now: () => number }) {
  let leftAt = new Map<number, number>();
  return {
    record(userId: number): void {
      leftAt.set(userId, deps.now());
    },
    async flush(): Promise<void> {
      if (leftAt.size === 0) return;
      const batch = leftAt;
      leftAt = new Map();
      try {
        const userIds = [...batch.keys()];
        await deps.writes.transaction(async (queries, invalidate) => {
          await lockObjects(queries, userIds.map(profileKey));
          await queries.query(store, [userIds, [...batch.values()]]);
          (await invalidatedProfiles(queries, userIds)).forEach(invalidate);
        });
      } catch (error) {
        leftAt = new Map([...batch, ...leftAt]);
        throw error;
      }
    },
  };
}
