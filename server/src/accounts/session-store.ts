import type { RouteOutput } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import type { Database } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { ticketTtlSeconds, type ReadTicket } from "./tickets.ts";

const dayMs = 24 * 3_600_000;
/** However much it is used, a session ends so long after its beginning, in ms. */
export const maxSessionMs = 365 * dayMs;
/** How long a used ticket is remembered, in seconds: longer than any is good. */
const rememberTicketSeconds = 2 * ticketTtlSeconds;

/** A session, or where a token names none the account alone. */
export interface SessionRef {
  userId: number;
  sessionId: number | undefined;
}

/** One that goes on. `renewedAt`: when its refresh token was used last, in ms since 1970; 0: it has none. */
export interface LiveSession extends SessionRef {
  email: string;
  role: string;
  renewedAt: number;
}

/** Whether session `s` goes on: nobody has ended it, it was used since parameter `used` and begun since parameter `begun`, in ms. */
const goesOn = (used: string, begun: string): string =>
  `(s.revoked_at is null and s.last_used_at > to_timestamp(${used}::float8 / 1000) and s.created_at > to_timestamp(${begun}::float8 / 1000))`;

/** Refresh tokens are known by their hashes only; one session holds the tokens that follow each other on one device. */
const open = statement<{ id: number }>(
  "sessions.open",
  `with owner as (
     select id from users where id = $1 and password_hash = $5 and state = 'open' and deleted_at is null for share
   ), made as (
     insert into sessions (user_id, user_agent, created_at, last_used_at)
     select id, $2, to_timestamp($6::float8 / 1000), to_timestamp($6::float8 / 1000) from owner returning id
   ), token as (
     insert into refresh_tokens (token_hash, session_id, expires_at)
     select $3, made.id, to_timestamp($4::float8 / 1000) from made
   ) select id from made`,
);
const list = statement<Omit<RouteOutput<"sessions">["sessions"][number], "current">>(
  "sessions.list",
  `select s.id, s.user_agent, s.created_at, s.last_used_at from sessions s
   where s.user_id = $1 and ${goesOn("$2", "$3")}
   order by s.last_used_at desc, s.id desc limit $4`,
);
const live = statement<{ user_id: number; session_id: number | null; email: string; role: string; renewed_ms: number }>(
  "sessions.live",
  `select u.id as user_id, i.session_id, u.email, u.role, coalesce(extract(epoch from s.last_used_at) * 1000, 0)::float8 as renewed_ms
   from unnest($1::bigint[], $2::bigint[]) as i(user_id, session_id)
     join users u on u.id = i.user_id and u.state = 'open' and u.deleted_at is null
     left join sessions s on s.id = i.session_id and s.user_id = u.id and ${goesOn("$3", "$4")}
   where i.session_id is null or s.id is not null`,
);
/** Of a ticket that comes twice, also in one call, one is stored; a session that is over stores none. */
const useTickets = statement<{ ticket_hash: string; user_id: number; session_id: number; email: string; role: string }>(
  "sessions.use_tickets",
  `with used as (
     insert into socket_tickets (ticket_hash, session_id, expires_at)
     select t.ticket_hash, s.id, now() + interval '${rememberTicketSeconds} seconds'
     from unnest($1::text[], $2::bigint[]) as t(ticket_hash, session_id)
       join sessions s on s.id = t.session_id and ${goesOn("$3", "$4")}
       join users u on u.id = s.user_id and u.state = 'open' and u.deleted_at is null
     order by t.ticket_hash
     on conflict do nothing returning ticket_hash, session_id
   )
   select used.ticket_hash, u.id as user_id, s.id as session_id, u.email, u.role
   from used join sessions s on s.id = used.session_id join users u on u.id = s.user_id`,
);
const endOne = statement<{ id: number }>(
  "sessions.end_one",
  "update sessions set revoked_at = now() where id = $1 and user_id = $2 and revoked_at is null returning id",
);
/** All but $2, or all. Also part of a change of password. */
export const endAllBut = statement<{ id: number; used_ms: number; begun_ms: number }>(
  "sessions.end_all_but",
  `update sessions s set revoked_at = now()
   where s.user_id = $1 and s.id is distinct from $2 and s.revoked_at is null
   returning s.id, (extract(epoch from s.last_used_at) * 1000)::float8 as used_ms,
     (extract(epoch from s.created_at) * 1000)::float8 as begun_ms`,
);

/** The one conditional update that makes a rotation atomic: only one caller gets the row. */
const replace = statement<{ session_id: number; user_id: number }>(
  "sessions.replace",
  `update refresh_tokens t set replaced_at = to_timestamp($2::float8 / 1000)
   from sessions s
   where t.token_hash = $1 and t.replaced_at is null and t.expires_at > to_timestamp($2::float8 / 1000)
     and s.id = t.session_id and ${goesOn("$3", "$4")}
     and exists (select from users u where u.id = s.user_id and u.state = 'open')
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
     ${goesOn("$3", "$4")} and t.expires_at > to_timestamp($2::float8 / 1000) as live
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
const purgeTickets = statement<never>("sessions.purge_tickets", "delete from socket_tickets where expires_at < now()");
// Transactions take up to a minute, and their rows are seen when they have committed.
const recentEnds = statement<{ id: number; user_id: number }>(
  "sessions.recent_ends",
  "select id, user_id from session_ends where at > clock_timestamp() - interval '1 minute' order by id desc limit 10000",
);
const purgeEnds = statement<never>(
  "sessions.purge_ends",
  "delete from session_ends where at < now() - interval '5 minutes'",
);
const purgeSessions = statement<never>(
  "sessions.purge",
  `delete from sessions where id in (
     select s.id from sessions s
     where s.last_used_at < to_timestamp($1::float8 / 1000) - interval '8 days'
       and not exists (select from refresh_tokens t where t.session_id = s.id) limit 5000)`,
);

export interface NewSession {
  userId: number;
  userAgent: string;
  tokenHash: string;
  passwordHash: string;
  now: number;
}

/** All times in ms since 1970. @param unusedDays days without use after which a session is over */
export function sessionStore(db: Database, unusedDays: number) {
  const unusedMs = unusedDays * dayMs;
  const times = (now: number): [used: number, begun: number] => [now - unusedMs, now - maxSessionMs];
  return {
    /**
     * The new session's id; undefined when the owner's password hash is not `passwordHash` any more. It waits for a change of the
     * password that is under way, which in turn ends a session that was opened before it.
     */
    async open(session: NewSession): Promise<number | undefined> {
      const { userId, userAgent, tokenHash, passwordHash, now } = session;
      return (await db.query(open, [userId, userAgent, tokenHash, now + unusedMs, passwordHash, now]))[0]?.id;
    },
    /** Replaces a live token by its successor; undefined when it is not live, or was replaced before. */
    rotate: (from: string, to: string, now: number) =>
      db.transaction(async (queries) => {
        const [row] = await queries.query(replace, [from, now, ...times(now)]);
        if (row !== undefined) await queries.query(follow, [to, row.session_id, now, now + unusedMs]);
        return row;
      }),
    find: async (tokenHash: string, now: number) => (await db.query(find, [tokenHash, now, ...times(now)]))[0],
    /** Those that can still be used, newest use first. */
    list: (userId: number, now: number, limit: number) => db.query(list, [userId, ...times(now), limit]),
    /** Those of the sessions that go on, of accounts that are open. */
    async live(refs: readonly SessionRef[], now: number): Promise<LiveSession[]> {
      const columns = [refs.map(({ userId }) => userId), refs.map(({ sessionId }) => sessionId ?? null)];
      const rows = await db.query(live, [...columns, ...times(now)]);
      return rows.map(({ user_id: userId, session_id: sessionId, email, role, renewed_ms: renewedAt }) => ({
        userId,
        sessionId: sessionId ?? undefined,
        email,
        role,
        renewedAt,
      }));
    },
    /** Whether it goes on. */
    isOpen: async (ref: SessionRef, now: number) =>
      (await db.query(live, [[ref.userId], [ref.sessionId ?? null], ...times(now)])).length > 0,
    /** Of those that were not used before and whose session goes on, who it is, by their hashes. From now on they are used. */
    async useTickets(tickets: readonly ReadTicket[], now: number): Promise<Map<string, Caller>> {
      const columns = [tickets.map(({ hash }) => hash), tickets.map(({ sessionId }) => sessionId)];
      const rows = await db.query(useTickets, [...columns, ...times(now)]);
      return new Map(
        rows.map(({ ticket_hash: hash, user_id: userId, session_id: sessionId, email, role }) => [
          hash,
          { userId, sessionId, email, role },
        ]),
      );
    },
    /** False: the user has no such session, or it was ended before. */
    endOne: async (id: number, userId: number) => (await db.query(endOne, [id, userId])).length > 0,
    /** What ended; `usable`: it could still have been used. */
    async endAllBut(userId: number, spared: number | undefined, now: number) {
      const [used, begun] = times(now);
      const ended = await db.query(endAllBut, [userId, spared ?? null]);
      return ended.map(({ id, used_ms, begun_ms }) => ({ id, usable: used_ms > used && begun_ms > begun }));
    },
    endByToken: async (tokenHash: string) => (await db.query(endByToken, [tokenHash]))[0],
    /** Whose sessions have ended in the last minute, on whatever node; of too many the newest. */
    recentEnds: () => db.query(recentEnds, []),
    /** Forgets tokens and sessions that can no longer be used, some thousands in a statement. */
    async purge(now: number): Promise<void> {
      let gone: number | undefined;
      do gone = (await db.query(purgeTokens, [now]))[0]?.gone;
      while (gone === 5000);
      await db.query(purgeSessions, [now]);
      await db.query(purgeTickets, []);
      await db.query(purgeEnds, []);
    },
  };
}
export type SessionStore = ReturnType<typeof sessionStore>;
