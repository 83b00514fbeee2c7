import { writeAct } from "../acts/act-store.ts";
import type { Database, Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { endAllBut } from "./session-store.ts";

/** Links of one person that may wait at once; the oldest go. */
const maxLinks = 5;

const add = statement<{ user_id: number }>(
  "links.add",
  `with old as (
     delete from account_links where token_hash in (
       select token_hash from account_links where user_id = $2 order by expires_at desc offset ${maxLinks - 1})
   )
   insert into account_links (token_hash, user_id, expires_at)
   select $1, u.id, now() + make_interval(mins => $3) from users u
   where u.id = $2 and u.state = 'open' and u.deleted_at is null returning user_id`,
);
const owner = `select u.id, u.username, u.email, u.full_name from account_links l join users u on u.id = l.user_id
  where l.token_hash = $1 and l.expires_at > now() and u.state = 'open' and u.deleted_at is null`;
const find = statement<LinkOwner>("links.find", owner);
const use = statement<{ id: number }>(
  "links.use",
  `with used as (${owner} for update of l, u)
   , gone as (delete from account_links where user_id in (select id from used))
   update users set password_hash = $2 from used where users.id = used.id returning users.id`,
);
// Whoever was kept from logging in by somebody's guesses may do so now.
const forgive = statement<never>("links.forgive", "delete from password_attempts where name = $1");
const purge = statement<never>("links.purge", "delete from account_links where expires_at < now()");

export interface LinkOwner {
  id: number;
  username: string;
  email: string;
  full_name: string;
}

/** Links by which people set a new password. */
export function linkStore(db: Database) {
  return {
    /** Into a transaction that goes on. False: there is no such account, or it is not open. */
    add: async (queries: Queries, link: { tokenHash: string; userId: number; minutes: number }) =>
      (await queries.query(add, [link.tokenHash, link.userId, link.minutes])).length > 0,
    /** Whose it is; undefined: it cannot be used. */
    find: async (tokenHash: string) => (await db.query(find, [tokenHash]))[0],
    /** Sets the password, ends all sessions and takes all links of the owner away: the sessions that ended; undefined: it cannot be used. */
    use: (tokenHash: string, passwordHash: string, origin: string) =>
      db.transaction(async (queries) => {
        const [changed] = await queries.query(use, [tokenHash, passwordHash]);
        if (changed === undefined) return undefined;
        await queries.query(forgive, [`u${changed.id}`]);
        await writeAct(queries, { userId: changed.id, origin }, { act: "reset_password", userId: changed.id });
        return { userId: changed.id, ended: await queries.query(endAllBut, [changed.id, null]) };
      }),
    purge: async () => void (await db.query(purge, [])),
  };
}
export type LinkStore = ReturnType<typeof linkStore>;
