import type { Database } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** Refresh tokens are known by their hashes only; one session holds the tokens that follow each other on one device. */
const open = statement<never>(
  "sessions.open",
  `with made as (insert into sessions (user_id, user_agent) values ($1, $2) returning id)
   insert into refresh_tokens (token_hash, session_id, expires_at)
   select $3, made.id, to_timestamp($4::float8 / 1000) from made`,
);

/** The one conditional update that makes a rotation atomic: only one caller gets the row. */
const replace = statement<{ session_id: number; user_id: number }>(
  "sessions.replace",
  `update refresh_tokens t set replaced_at = to_timestamp($2::float8 / 1000)
   from sessions s
   where t.token_hash = $1 and t.replaced_at is null and t.expires_at > to_timestamp($2::float8 / 1000)
     and s.id = t.session_id and s.revoked_at is null
   returning t.session_id, s.user_id`,
);
const follow = statement<never>(
  "sessions.follow",
  `with used as (update sessions set last_used_at = to_timestamp($3::float8 / 1000) where id = $2)
   insert into refresh_tokens (token_hash, session_id, expires_at)
   values ($1, $2, to_timestamp($4::float8 / 1000)) on conflict (token_hash) do nothing`,
);
const find = statement<{ session_id: number; user_id: number; replaced_ms: number | null; live: boolean }>(
  "sessions.find",
  `select t.session_id, s.user_id, (extract(epoch from t.replaced_at) * 1000)::float8 as replaced_ms,
     s.revoked_at is null and t.expires_at > to_timestamp($2::float8 / 1000) as live
   from refresh_tokens t join sessions s on s.id = t.session_id where t.token_hash = $1`,
);
const revoke = statement<never>(
  "sessions.revoke",
  "update sessions set revoked_at = now() where id = $1 and revoked_at is null",
);
const revokeByToken = statement<never>(
  "sessions.revoke_by_token",
  `update sessions s set revoked_at = now() from refresh_tokens t
   where t.token_hash = $1 and s.id = t.session_id and s.revoked_at is null`,
);
const purgeTokens = statement<{ gone: number }>(
  "sessions.purge_tokens",
  `with gone as (
     delete from refresh_tokens where token_hash in (
       select token_hash from refresh_tokens where expires_at < to_timestamp($1::float8 / 1000) limit 5000)
     returning 1
   ) select count(*) as gone from gone`,
);
const purgeSessions = statement<never>(
  "sessions.purge",
  `delete from sessions where id in (
     select s.id from sessions s
     where s.last_used_at < to_timestamp($1::float8 / 1000) - interval '8 days'
       and not exists (select from refresh_tokens t where t.session_id = s.id) limit 5000)`,
);

/** All times in ms since 1970. */
export function sessionStore(db: Database) {
  return {
    open: (session: { userId: number; userAgent: string; tokenHash: string; expiresAt: number }) =>
      db.query(open, [session.userId, session.userAgent, session.tokenHash, session.expiresAt]),
    /** Replaces a live token by its successor; undefined when it is not live, or was replaced before. */
    rotate: (from: string, to: string, at: { now: number; expiresAt: number }) =>
      db.transaction(async (queries) => {
        const [row] = await queries.query(replace, [from, at.now]);
        if (row !== undefined) await queries.query(follow, [to, row.session_id, at.now, at.expiresAt]);
        return row;
      }),
    find: async (tokenHash: string, now: number) => (await db.query(find, [tokenHash, now]))[0],
    revoke: (sessionId: number) => db.query(revoke, [sessionId]),
    revokeByToken: (tokenHash: string) => db.query(revokeByToken, [tokenHash]),
    /** Forgets tokens and sessions that can no longer be used, some thousands in a statement. */
    async purge(now: number): Promise<void> {
      let gone: number | undefined;
      do gone = (await db.query(purgeTokens, [now]))[0]?.gone;
      while (gone === 5000);
      await db.query(purgeSessions, [now]);
    },
  };
}
export type SessionStore = ReturnType<typeof sessionStore>;
