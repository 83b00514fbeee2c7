import type { CacheWrites } from "../cache/cache-writes.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";
import { changeProfile } from "./profile-cache.ts";
import { profileColumns } from "./profile-columns.ts";
import type { Profile } from "./user-view.ts";

const add = statement<{ known: boolean }>(
  "blocks.add",
  `with known as (
     select u.id from users u, users me where u.id = $2 and u.deleted_at is null and me.id = $1 and me.deleted_at is null
   ),
   made as (
     insert into blocks (blocker_id, blocked_id, read_id, delivered_id)
     select $1, k.id, coalesce(message_at_seq(c.id, p.read_seq, k.id), 0), coalesce(message_at_seq(c.id, p.delivered_seq, k.id), 0)
     from known k
       left join conversations c on c.lo = least($1, k.id) and c.hi = greatest($1, k.id)
       left join participants p on p.conversation_id = c.id and p.user_id = $1
     where (select count(*) from blocks where blocker_id = $1) < $3
     on conflict do nothing returning 1
)
   select exists (select from known) as known`,
);
const remove = statement<never>(
  "blocks.remove",
  `delete from blocks where blocker_id = $1 and blocked_id = $2
     and exists (select from users me where me.id = $1 and me.deleted_at is null)`,
);
const list = statement<Profile>(
  "blocks.list",
  `select ${profileColumns("$1")} from blocks k join users u on u.id = k.blocked_id where k.blocker_id = $1
   order by k.created_at desc, u.id limit $2`,
);

const among = statement<{ ids: number[] }>(
  "blocks.among",
  "select coalesce(json_agg(b.id), '[]') as ids from unnest(blocked_with($1)) b(id) where b.id = any($2)",
);

/** Of some users, those with whom the user has a block, whoever made it. */
export async function blockedAmong(db: Queries, userId: number, others: readonly number[]): Promise<number[]> {
  return only(await db.query(among, [userId, others])).ids;
}

/** Who has blocked whom. */
export function blockStore(db: Queries, writes: CacheWrites) {
  // A block changes how others are shown to the blocker, and the blocker to the other.
  return {
    /** At most `max` blocks are kept of one user. @returns false when there is no such user */
    add: (blockerId: number, blockedId: number, max: number) =>
      changeProfile(
        writes,
        blockerId,
        async (queries) => (await queries.query(add, [blockerId, blockedId, max]))[0]?.known === true,
      ),
    remove: (blockerId: number, blockedId: number) =>
      changeProfile(
        writes,
        blockerId,
        async (queries) => void (await queries.query(remove, [blockerId, blockedId])),
        // stamp_blocks() changes their conversation.
        [`conv:${Math.min(blockerId, blockedId)}:${Math.max(blockerId, blockedId)}`],
      ),
    list: (blockerId: number, limit: number) => db.query(list, [blockerId, limit]),
  };
}
export type BlockStore = ReturnType<typeof blockStore>;
