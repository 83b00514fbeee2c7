import type { CacheWrites } from "../cache/cache-writes.ts";
import type { Database } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { forgetDevices } from "./attempt-store.ts";
import { changeProfile } from "./profile-cache.ts";
import { endAllBut } from "./session-store.ts";

const byId = statement<{
  id: number;
  password_hash: string;
  username: string;
  full_name: string;
  is_last_administrator: boolean;
}>(
  "credentials.by_id",
  `select u.id, u.password_hash, u.username, u.full_name, u.role = 'administrator' and not exists (
     select from users o where o.role = 'administrator' and o.state = 'open' and o.deleted_at is null and o.id <> u.id
   ) as is_last_administrator
   from users u where u.id = $1 and u.deleted_at is null`,
);
const changeHash = statement<{ id: number }>(
  "credentials.change",
  "update users set password_hash = $3 where id = $1 and password_hash = $2 and deleted_at is null returning id",
);
const closeUser = statement<{ id: number }>(
  "credentials.close_user",
  `update users
   set username = 'deleted_' || id, email = 'deleted_' || id || '@invalid', password_hash = '-', full_name = '', avatar = '',
     deleted_at = now(), updated_at = now()
   where id = $1 and password_hash = $2 and deleted_at is null returning id`,
);
const freeName = statement<never>("credentials.free_name", "delete from names where user_id = $1");
const forgetSessions = statement<{ id: number }>(
  "credentials.forget_sessions",
  "delete from sessions where user_id = $1 returning id",
);
const forgetBlocks = statement<never>(
  "credentials.forget_blocks",
  "delete from blocks where blocker_id = $1 or blocked_id = $1",
);
const revokeInvites = statement<never>(
  "credentials.revoke_invites",
  "update invites set revoked_at = now() where created_by = $1 and revoked_at is null",
);

const eraseWritten = statement<never>("credentials.erase_written", "insert into erasures (user_id) values ($1)");

/** Password hashes, and what hangs on them. Both changes happen only while the hash is still the one that was proven. */
export function credentialStore(db: Database, writes: CacheWrites) {
  return {
    byId: async (userId: number) => (await db.query(byId, [userId]))[0],
    /** Replaces the hash and ends all sessions but `spared`: those that ended; undefined: the hash is not `from` any more. */
    change: (change: { userId: number; from: string; to: string; spared: number | undefined }) =>
      db.transaction(async (queries) => {
        const [changed] = await queries.query(changeHash, [change.userId, change.from, change.to]);
        if (changed === undefined) return undefined;
        return queries.query(endAllBut, [change.userId, change.spared ?? null]);
      }),
    /**
     * Takes everything from a user but the row, which messages point to until they are erased: the sessions that ended; undefined: the hash is not `hash`
     * any more. A login that goes on meanwhile waits for it, or its session is found here.
     */
    close: (userId: number, hash: string) =>
      changeProfile(writes, userId, async (queries) => {
        const [closed] = await queries.query(closeUser, [userId, hash]);
        if (closed === undefined) return undefined;
        await queries.query(freeName, [userId]);
        await queries.query(forgetBlocks, [userId]);
        await queries.query(revokeInvites, [userId]);
        await queries.query(forgetDevices, [userId]);
        await queries.query(eraseWritten, [userId]);
        return queries.query(forgetSessions, [userId]);
      }),
  };
}
export type CredentialStore = ReturnType<typeof credentialStore>;
