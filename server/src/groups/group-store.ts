import type { Group } from "@om/protocol";
import { isReservedName } from "../accounts/names.ts";
import type { FullProfile } from "../accounts/user-view.ts";
import { likePattern } from "../platform/postgres/pattern.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";
import type { GroupHead } from "./membership-store.ts";

/** A group with its creator, whose times are as PostgreSQL's JSON writes them; null: that account is closed. */
export interface GroupRow extends Omit<Group, "handle" | "creator" | "members"> {
  handle: string | null;
  creator: FullProfile | null;
}

/** What a group says of itself. A handle exactly when it is public. */
export interface GroupDetails {
  name: string;
  description: string;
  isPublic: boolean;
  handle: string | undefined;
}

/** Of `groups g`. The creator is looked up row by row: no plan, however old, reads all users for that. */
const groupColumns =
  "g.id, g.created_at, g.updated_at, g.name, g.description, g.icon, g.creator_id, g.is_public, g.handle," +
  " coalesce((select c.members from conversations c where c.group_id = g.id), 0) as member_count," +
  " (select json_build_object('id', u.id, 'created_at', u.created_at, 'updated_at', u.updated_at," +
  " 'username', u.username, 'email', u.email, 'full_name', u.full_name, 'avatar', u.avatar, 'role', u.role," +
  " 'last_seen', u.last_seen) from users u where u.id = g.creator_id and u.deleted_at is null) as creator";

const byId = statement<GroupRow>("groups.by_id", `select ${groupColumns} from groups g where g.id = $1`);
const idByHandle = statement<{ group_id: number }>(
  "groups.id_by_handle",
  "select group_id from names where name = $1 and group_id is not null",
);
const search = statement<GroupRow>(
  "groups.search",
  `select ${groupColumns} from groups g
   where g.is_public and (fold(g.name) like fold($1) or fold(g.handle) like fold($1)) and fold($3) <> ''
   order by fold($3) not in (fold(g.handle), fold(g.name)), fold(g.handle) collate "C", g.id limit $2`,
  { onReplica: true },
);
const handleTaken = statement<{ taken: boolean }>(
  "groups.handle_taken",
  "select exists (select from names where name = $1 and (group_id = $2) is not true) as taken",
);

// The conversation starts at version 1: a device that does not know the group has 0.
const create = statement<GroupHead>(
  "groups.create",
  `with made as (
     insert into groups (id, creator_id, name, description, is_public, handle)
     select $6, u.id, $2, $3, $4, $5 from users u where u.id = $1 and u.deleted_at is null returning id
   ),
   named as (insert into names (name, group_id) select $7, id from made where $5::text is not null),
   head as (insert into conversations (group_id, ver) select id, 1 from made returning id, ver, seq),
   admin as (insert into participants (user_id, conversation_id, role, delivered_ver, member_ver, moved_xid)
     select $1, id, 'admin', ver, 1, pg_current_xact_id() from head),
   lists as (update user_state set list_ver = list_ver + 1 where user_id = $1 and exists (select from made))
   select id as conversation_id, ver, seq from head`,
);
const nextId = statement<{ id: number }>(
  "groups.next_id",
  "select nextval(pg_get_serial_sequence('groups', 'id')) as id",
);
const edit = statement<never>(
  "groups.edit",
  `with edited as (
     update groups set name = $2, description = $3, is_public = $4, handle = $5, updated_at = now() where id = $1
     returning id
   ),
   freed as (delete from names where group_id = $1 and $5::text is null)
   insert into names (name, group_id) select $6, id from edited where $5::text is not null
   on conflict (group_id) do update set name = excluded.name where names.name <> excluded.name`,
);

const setIcon = statement<never>("groups.set_icon", "update groups set icon = $2, updated_at = now() where id = $1");

/** Groups as everybody may know them, their names and their making. Members are in the membership store. */
export function groupStore(db: Queries) {
  return {
    byId: async (id: number) => (await db.query(byId, [id]))[0],
    /** Of a public group; in lower case. */
    idByHandle: async (handle: string) => (await db.query(idByHandle, [handle]))[0]?.group_id,
    /** Public groups whose name or handle contains `text`, without case; those named so first. */
    search: (text: string, limit: number) => db.query(search, [likePattern(text), limit, text]),
    /** By a user or by a group other than `exceptId`, or reserved. */
    handleTaken: async (handle: string, exceptId: number | undefined) =>
      isReservedName(handle) || only(await db.query(handleTaken, [handle.toLowerCase(), exceptId ?? null])).taken,
    /** The group, its conversation, its handle and its first admin; undefined: no such account. */
    create: async (id: number, creatorId: number, details: GroupDetails) =>
      (await db.query(create, [creatorId, ...valuesOf(details), id, nameOf(details)]))[0],
    /** Of a group that is about to be made; drawn before its lock is taken. */
    nextId: async () => only(await db.query(nextId, [])).id,
    /** Without the new version of the conversation, which `raiseVersion` of the membership store gives. */
    edit: (id: number, details: GroupDetails) => db.query(edit, [id, ...valuesOf(details), nameOf(details)]),
    /** Likewise. */
    setIcon: (id: number, url: string) => db.query(setIcon, [id, url]),
  };
}

function valuesOf({ name, description, isPublic, handle }: GroupDetails): unknown[] {
  return [name, description, isPublic, handle ?? null];
}

/** What reserves the handle. */
function nameOf({ handle }: GroupDetails): string | null {
  return handle?.toLowerCase() ?? null;
}
