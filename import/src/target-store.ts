import type { Queries } from "@om/server/platform/postgres/database";
import { only, statement } from "@om/server/platform/postgres/statement";
import type { SourceGroup, SourceInvite, SourceToken, SourceUser, SourceVersion } from "./source-store.ts";

/** A user as it is stored here; `name`: what it owns in `names`, null when the account is closed. */
export type MappedUser = SourceUser & { name: string | null; deleted_at: string | null };

/** Rows come as one JSON text; what the columns do not name is passed over. */
const rows = (table: string): string => `json_populate_recordset(null::${table}, $1::json)`;
const insert = (table: string, columns: string): string =>
  `insert into ${table} (${columns}) select ${columns} from ${rows(table)}`;

const usersHere = statement<{ id: number; username: string; email: string }>(
  "import.users_here",
  "select id, username, email from users where id = any($1)",
);
const namesTaken = statement<{ name: string }>("import.names_taken", "select name from names where name = any($1)");
const emailsTaken = statement<{ email: string }>(
  "import.emails_taken",
  "select email from users where email = any($1)",
);
const addUsers = statement<never>(
  "import.add_users",
  `with made as (
     ${insert("users", "id, created_at, updated_at, username, email, password_hash, full_name, avatar, role, last_seen, deleted_at")}
   ), named as (
     insert into names (name, user_id)
     select name, id from json_to_recordset($1::json) as i(id bigint, name text) where name is not null
   )
   insert into user_state (user_id) select id from ${rows("users")} on conflict do nothing`,
);

const groupsHere = statement<{ id: number; handle: string | null }>(
  "import.groups_here",
  "select id, handle from groups where id = any($1)",
);
const addGroups = statement<never>(
  "import.add_groups",
  `with made as (
     ${insert("groups", "id, created_at, updated_at, name, description, icon, creator_id, is_public, handle")}
   ), named as (
     insert into names (name, group_id)
     select reserved, id from json_to_recordset($1::json) as i(id bigint, reserved text) where reserved is not null
   ), conversation as (
     insert into conversations (group_id) select id from ${rows("groups")} returning id
   )
   insert into import_conversations (conversation_id, seq, ver) select id, 0, 0 from conversation`,
);

const addInvites = statement<{ here: number }>(
  "import.add_invites",
  `with made as (
     ${insert("invites", "token, group_id, created_by, created_at, expires_at, max_uses, used_count, revoked_at")}
     on conflict do nothing returning token
   ), before as (select token from invites join ${rows("invites")} i using (token))
   select count(*) as here from (select token from made union select token from before) x`,
);
const addVersions = statement<{ here: number }>(
  "import.add_versions",
  `with made as (
     ${insert(
       "app_versions",
       "id, platform, version, build_number, download_url, changelog, force_update, min_supported_build, is_active, release_date, created_at, updated_at",
     )}
     on conflict do nothing returning platform, build_number
   ), before as (
     select platform, build_number from app_versions join ${rows("app_versions")} i using (platform, build_number)
   )
   select count(*) as here from (select * from made union select * from before) x`,
);

/** A token that is known here keeps its session, whatever became of it. */
const addSessions = statement<{ here: number }>(
  "import.add_sessions",
  `with input as materialized (
     select i.* from json_to_recordset($1::json) as i(token_hash text, user_id bigint, created_at timestamptz, expires_at timestamptz)
       join users u on u.id = i.user_id and u.deleted_at is null
   ), missing as materialized (
     select i.*, nextval(pg_get_serial_sequence('sessions', 'id')) as session_id
     from input i where not exists (select from refresh_tokens t where t.token_hash = i.token_hash)
   ), opened as (
     insert into sessions (id, user_id, created_at, last_used_at) overriding system value
     select session_id, user_id, created_at, created_at from missing
   ), made as (
     insert into refresh_tokens (token_hash, session_id, expires_at)
     select token_hash, session_id, expires_at from missing returning token_hash
   )
   select (select count(*) from made) + (select count(*) from input join refresh_tokens using (token_hash)) as here`,
);
/** Logged out on the first server since an earlier run, and not used here. */
const endSessions = statement<never>(
  "import.end_sessions",
  `delete from sessions s using refresh_tokens t
   where t.token_hash = any($1) and t.session_id = s.id and t.replaced_at is null`,
);

/** Writes everything but messages and positions; each call is one statement, so all of it or nothing. */
export function targetStore(target: Queries) {
  const here = async (add: typeof addInvites, rows: readonly unknown[]): Promise<number> =>
    rows.length === 0 ? 0 : only(await target.query(add, [JSON.stringify(rows)])).here;
  return {
    usersHere: (ids: number[]) => target.query(usersHere, [ids]),
    namesTaken: async (names: string[]) => (await target.query(namesTaken, [names])).map(({ name }) => name),
    emailsTaken: async (emails: string[]) => (await target.query(emailsTaken, [emails])).map(({ email }) => email),
    addUsers: (users: MappedUser[]) => target.query(addUsers, [JSON.stringify(users)]),
    groupsHere: (ids: number[]) => target.query(groupsHere, [ids]),
    addGroups(groups: SourceGroup[]) {
      const rows = groups.map((group) => ({ ...group, reserved: group.handle?.toLowerCase() }));
      return target.query(addGroups, [JSON.stringify(rows)]);
    },
    /** The adders return how many of the rows are here now. */
    addInvites: (invites: SourceInvite[]) => here(addInvites, invites),
    addVersions: (versions: SourceVersion[]) => here(addVersions, versions),
    addSessions: (tokens: SourceToken[]) => here(addSessions, tokens),
    endSessions: (hashes: string[]) => target.query(endSessions, [hashes]),
  };
}
export type TargetStore = ReturnType<typeof targetStore>;
