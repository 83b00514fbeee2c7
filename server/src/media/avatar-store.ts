import { changeProfile } from "../accounts/profile-cache.ts";
import { profileColumns } from "../accounts/profile-columns.ts";
import type { Profile } from "../accounts/user-view.ts";
import type { CacheWrites } from "../cache/cache-writes.ts";
import { statement } from "../platform/postgres/statement.ts";

const setAvatar = statement<Profile & { previous: string }>(
  "media.set_avatar",
  `with old as (select id, avatar from users where id = $1 and deleted_at is null for update)
   update users u
   set avatar = $2, updated_at = case when u.avatar = $2 then u.updated_at else now() end
   from old where u.id = old.id
   returning ${profileColumns()}, old.avatar as previous`,
);

/** The `avatar` column of users: a path of media or "". */
export function avatarStore(writes: CacheWrites) {
  return {
    /** The profile as it is now, and what was there before; undefined: no such user. */
    set: (userId: number, url: string) =>
      changeProfile(writes, userId, async (queries) => (await queries.query(setAvatar, [userId, url]))[0]),
  };
}
export type AvatarStore = ReturnType<typeof avatarStore>;
