import type { Role, WhoMayAdd } from "@om/protocol";
import type { CacheWrites } from "../cache/cache-writes.ts";
import { violatedConstraint, type Database, type Queries } from "../platform/postgres/database.ts";
import { likePattern } from "../platform/postgres/pattern.ts";
import { only, statement } from "../platform/postgres/statement.ts";
import { isReservedName } from "./names.ts";
import { changeProfile } from "./profile-cache.ts";
import { profileColumns } from "./profile-columns.ts";
import type { Profile } from "./user-view.ts";

const ownColumns = profileColumns();

const insertUser = statement<Profile>(
  "accounts.insert",
  `insert into users as u (username, email, password_hash, full_name, state, role) values ($1, $2, $3, $4, $5, $6)
   returning ${ownColumns}`,
);
const reserveName = statement<never>("accounts.reserve_name", "insert into names (name, user_id) values ($1, $2)");
const createUserState = statement<never>("accounts.create_user_state", "insert into user_state (user_id) values ($1)");
const moveName = statement<never>(
  "accounts.move_name",
  `insert into names (name, user_id) values ($1, $2)
   on conflict (user_id) do update set name = excluded.name where names.name <> excluded.name`,
);
const login = statement<Profile & { password_hash: string; state: string }>(
  "accounts.login",
  // No name has an @, and no address is without one.
  `select ${ownColumns}, u.password_hash, u.state from users u
   where (u.email = $1 or u.id = (select n.user_id from names n where n.name = $1)) and u.deleted_at is null`,
);
const upgradeHash = statement<{ id: number }>(
  "accounts.upgrade_hash",
  "update users set password_hash = $3 where id = $1 and password_hash = $2 returning id",
);
const byId = statement<OwnProfile & { updated_at: string }>(
  "accounts.by_id",
  `select ${ownColumns}, u.who_may_add, u.updated_at from users u where u.id = $1 and u.deleted_at is null`,
);
const idByName = statement<{ user_id: number }>(
  "accounts.id_by_name",
  "select user_id from names where name = $1 and user_id is not null",
);
const nameTaken = statement<{ taken: boolean }>(
  "accounts.name_taken",
  "select exists (select from names where name = $1) as taken",
);
const emailTaken = statement<{ taken: boolean }>(
  "accounts.email_taken",
  "select exists (select from users where email = $1) as taken",
);
const updateProfile = statement<OwnProfile>(
  "accounts.update",
  `update users u
   set username = coalesce($2, u.username), full_name = coalesce($3, u.full_name), who_may_add = coalesce($4, u.who_may_add),
     updated_at = case
       when coalesce($2, u.username) = u.username and coalesce($3, u.full_name) = u.full_name
         and coalesce($4, u.who_may_add) is not distinct from u.who_may_add then u.updated_at
       else now() end
   where u.id = $1 and u.deleted_at is null returning ${ownColumns}, u.who_may_add`,
);
const search = statement<Profile>(
  "accounts.search",
  `select ${profileColumns("$4")} from users u
   where (fold(u.username) like fold($1) or fold(u.full_name) like fold($1)) and fold($3) <> '' and u.state <> 'waiting' and u.deleted_at is null
   order by fold(u.username) <> fold($3), fold(u.username) collate "C", u.id limit $2`,
  { onReplica: true },
);

export interface NewAccount {
  username: string;
  email: string;
  passwordHash: string;
  fullName: string;
  /** Default: open. */
  state?: "open" | "waiting";
  /** Default: user. */
  role?: Role;
  /** What must be done afterwards, in the same transaction. */
  made?: (queries: Queries, userId: number) => Promise<void>;
}

/** A user as seen by nobody else. */
export interface OwnProfile extends Profile {
  /** null: the installation's setting says. */
  who_may_add: WhoMayAdd | null;
}

export interface ProfileChange {
  username: string | undefined;
  fullName: string | undefined;
  whoMayAdd?: WhoMayAdd | undefined;
}

/** What made an account or a name impossible. */
export type Taken = "email" | "username";

/** Users and their names, deleted users left out. Names are unique without case, among users and public groups. */
export function accountStore(db: Database, writes: CacheWrites) {
  return {
    /** The user, its name and its conversation list in one transaction, after whatever must be done before. */
    create: (account: NewAccount, first?: (queries: Queries) => Promise<void>): Promise<Profile | Taken> =>
      unlessTaken(() =>
        db.transaction(async (queries) => {
          await first?.(queries);
          const { username, email, passwordHash, fullName, state = "open", role = "user" } = account;
          const values = [username, email, passwordHash, fullName, state, role];
          const profile = only(await queries.query(insertUser, values));
          await queries.query(reserveName, [account.username.toLowerCase(), profile.id]);
          await queries.query(createUserState, [profile.id]);
          await account.made?.(queries, profile.id);
          return profile;
        }),
      ),
    /** Only what is given changes; undefined: no such user. */
    update: (id: number, change: ProfileChange) =>
      unlessTaken(async () => {
        const { username = "" } = change;
        // Whoever has such a name keeps it.
        if (isReservedName(username) && (await db.query(idByName, [username.toLowerCase()]))[0]?.user_id !== id) {
          return "username";
        }
        return changeProfile(writes, id, async (queries) => {
          const values = [id, change.username ?? null, change.fullName ?? null, change.whoMayAdd ?? null];
          const [profile] = await queries.query(updateProfile, values);
          if (profile !== undefined && change.username !== undefined) {
            await queries.query(moveName, [change.username.toLowerCase(), id]);
          }
          return profile;
        });
      }),
    /** By address or username, in lower case. */
    forLogin: async (given: string) => (await db.query(login, [given]))[0],
    /** Replaces a hash; false: somebody else did so first. */
    upgradeHash: async (id: number, from: string, to: string) =>
      (await db.query(upgradeHash, [id, from, to])).length > 0,
    /** As the user is seen by nobody else. */
    byId: async (id: number) => (await db.query(byId, [id]))[0],
    /** In lower case. */
    idByName: async (name: string) => (await db.query(idByName, [name]))[0]?.user_id,
    /** By somebody, or reserved. */
    nameTaken: async (name: string) =>
      isReservedName(name) || only(await db.query(nameTaken, [name.toLowerCase()])).taken,
    emailTaken: async (email: string) => only(await db.query(emailTaken, [email])).taken,
    /** Whose username or full name contains `text`, without case; the one named so first. */
    search: (text: string, limit: number, viewerId: number) =>
      db.query(search, [likePattern(text), limit, text, viewerId]),
  };
}
export type AccountStore = ReturnType<typeof accountStore>;

async function unlessTaken<T>(work: () => Promise<T>): Promise<T | Taken> {
  try {
    return await work();
  } catch (error) {
    const constraint = violatedConstraint(error);
    if (constraint === "users_email") return "email";
    if (constraint === "names_pkey") return "username";
    throw error;
  }
}
