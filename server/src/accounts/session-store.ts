import type { RouteOutput } from "@om/protocol";
import type { Database } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** Refresh tokens are known by their hashes only; one session holds the tokens that follow each other on one device. */
const open = statement<{ id: number }>(
  "sessions.open",
  `with owner as (
     select id from users where id = $1 and password_hash = $5 and deleted_at is null for share
   ), made as (
     insert into sessions (user_id, user_agent) select id, $2 from owner returning id
   ), token as (
     insert into refresh_tokens (token_hash, session_id, expires_at)
     select $3, made.id, to_timestamp($4::float8 / 1000) from made
   ) select id from made`,
);

/** Whether session `s` has a token that can still be used; the time is parameter `now`, in ms. */
const usable = (now: string): string =>
  `exists (
     select from refresh_tokens t
     where t.session_id = s.id and t.replaced_at is null and t.expires_at > to_timestamp(${now}::float8 / 1000)
   )`;
const list = statement<Omit<RouteOutput<"sessions">["sessions"][number], "current">>(
  "sessions.list",
  `select s.id, s.user_agent, s.created_at, s.last_used_at from sessions s
   where s.user_id = $1 and s.revoked_at is null and ${usable("$2")}
   order by s.last_used_at desc, s.id desc limit $3`,
);
const isOpen = statement<{ open: boolean }>(
  "sessions.is_open",
  "select exists (select from sessions where id = $1 and user_id = $2 and revoked_at is null) as open",
);
const endOne = statement<{ id: number }>(
  "sessions.end_one",
  "update sessions set revoked_at = now() where id = $1 and user_id = $2 and revoked_at is null returning id",
);
/** All but $2, or all. Also part of a change of password. */
export const endAllBut = statement<{ id: number; usable: boolean }>(
  "sessions.end_all_but",
  `update sessions s set revoked_at = now()
   where s.user_id = $1 and s.id is distinct from $2 and s.revoked_at is null
   returning s.id, ${usable("$3")} as usable`,
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
const endByToken = statement<{ id: number; user_id: number }>(
  "sessions.end_by_token",
  `update sessions s set revoked_at = now() from refresh_tokens t
   where t.token_hash = $1 and s.id = t.session_id and s.revoked_at is null
   returning s.id, s.user_id`,
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

interface NewSession {
  userId: number;
  userAgent: string;
  tokenHash: string;
  expiresAt: number;
  passwordHash: string;
}

/** All times in ms since 1970. */
export function sessionStore(db: Database) {
  return {
    /**
     * The new session's id; undefined when the owner's password hash is not `passwordHash` any more. It waits for a change of the
     * password that is under way, which in turn ends a session that was opened before it.
     */
    async open(session: NewSession): Promise<number | undefined> {
      const { userId, userAgent, tokenHash, expiresAt, passwordHash } = session;
      return (await db.query(open, [userId, userAgent, tokenHash, expiresAt, passwordHash]))[0]?.id;
    },
    /** Replaces a live token by its successor; undefined when it is not live, or was replaced before. */
    rotate: (from: string, to: string, at: { now: number; expiresAt: number }) =>
      db.transaction(async (queries) => {
        const [row] = await queries.query(replace, [from, at.now]);
        if (row !== undefined) await queries.query(follow, [to, row.session_id, at.now, at.expiresAt]);
        return row;
      }),
    find: async (tokenHash: string, now: number) => (await db.query(find, [tokenHash, now]))[0],
    /** Those that can still be used, newest use first. */
    list: (userId: number, now: number, limit: number) => db.query(list, [userId, now, limit]),
    /** Whether the user's session has not been ended. */
    isOpen: async (id: number, userId: number) => (await db.query(isOpen, [id, userId]))[0]?.open === true,
    /** False: the user has no such session, or it was ended before. */
    endOne: async (id: number, userId: number) => (await db.query(endOne, [id, userId])).length > 0,
    /** What ended; `usable`: it could still have been used. */
    endAllBut: (userId: number, spared: number | undefined, now: number) =>
      db.query(endAllBut, [userId, spared ?? null, now]),
    endByToken: async (tokenHash: string) => (await db.query(endByToken, [tokenHash]))[0],
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
