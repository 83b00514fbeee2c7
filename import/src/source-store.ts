import type { Queries } from "@om/server/platform/postgres/database";
import { only, statement } from "@om/server/platform/postgres/statement";
import { paged } from "./import-connection.ts";
import { groupIsOrphan } from "./source-message-store.ts";

// The interfaces name what is looked at; the other columns go over as they are.

/** A user of the first server; ranks count those who claim the same name or address from 1, closed accounts left out. */
export interface SourceUser {
  id: number;
  username: string;
  email: string;
  password_hash: string;
  full_name: string;
  avatar: string;
  last_seen: string | null;
  closed_at: string | null;
  name_rank: number;
  address_rank: number;
  address: string;
}

/** What stands in the brackets of `x <a@b>`, else the whole. */
const address = String.raw`lower(btrim(coalesce(substring(u.email from '<([^<>]+)>\s*$'), u.email)))`;

export const users = paged<SourceUser>(
  "source_users",
  2_000,
  `select u.id, coalesce(u.created_at, u.updated_at, now())::timestamptz as created_at,
     coalesce(u.updated_at, u.created_at, now())::timestamptz as updated_at,
     u.username, u.email, u.password_hash, coalesce(u.full_name, '') as full_name, coalesce(u.avatar, '') as avatar,
     -- The first server enforced none, so whoever has one there was not trusted by it.
     'user' as role,
     u.last_seen::timestamptz as last_seen, u.deleted_at::timestamptz as closed_at, ${address} as address,
     row_number() over (partition by lower(u.username), u.deleted_at is null order by u.id) as name_rank,
     row_number() over (partition by ${address}, u.deleted_at is null order by lower(btrim(u.email)) <> ${address}, u.id) as address_rank
   from users u order by u.id`,
);
const inUse = statement<{ name: string }>(
  "import.source_names",
  "select distinct lower(username) as name from users where deleted_at is null and lower(username) = any($1)",
);

export interface SourceGroup {
  id: number;
  name: string;
  creator_id: number;
  is_public: boolean;
  handle: string | null;
  /** Member that takes the place of a creator who is not there. */
  heir_id: number | null;
  has_creator: boolean;
  handle_rank: number;
}

export const groups = paged<SourceGroup>(
  "source_groups",
  2_000,
  `select g.id, coalesce(g.created_at, g.updated_at, now())::timestamptz as created_at,
     coalesce(g.updated_at, g.created_at, now())::timestamptz as updated_at,
     g.name, coalesce(g.description, '') as description, coalesce(g.icon, '') as icon, g.creator_id,
     coalesce(g.is_public, false) as is_public, nullif(g.handle, '') as handle,
     exists (select from users u where u.id = g.creator_id) as has_creator,
     (select gm.user_id from group_members gm join users u on u.id = gm.user_id
      where gm.group_id = g.id and u.deleted_at is null
      order by gm.role = 'admin' desc nulls last, gm.joined_at, gm.user_id limit 1) as heir_id,
     row_number() over (partition by lower(g.handle), coalesce(g.is_public, false) order by g.id) as handle_rank
   from groups g where g.deleted_at is null order by g.id`,
);

export interface SourceMember {
  group_id: number;
  user_id: number;
  role: string;
  joined_at: string;
  /** Last message of the group that the user has read; 0: none. */
  read_id: number;
  /** Why the membership is not imported. */
  issue: "member_no_user" | "member_closed" | null;
}

const membersQuery = (readId: string, join: string): string => `
   select gm.group_id, gm.user_id, case when gm.role = 'admin' then 'admin' else 'member' end as role,
     coalesce(gm.joined_at, g.created_at, now())::timestamptz as joined_at, ${readId} as read_id,
     case when u.id is null then 'member_no_user' when u.deleted_at is not null then 'member_closed' end as issue
   from group_members gm join groups g on g.id = gm.group_id left join users u on u.id = gm.user_id ${join}
   where g.deleted_at is null and not (${groupIsOrphan}) order by gm.group_id, gm.user_id`;
export const members = paged<SourceMember>("source_members", 5_000, membersQuery("0::bigint", ""));
export const membersWithReads = paged<SourceMember>(
  "source_members_reads",
  5_000,
  membersQuery(
    "coalesce(s.last_read_message_id, 0)",
    "left join group_read_states s on s.group_id = gm.group_id and s.user_id = gm.user_id",
  ),
);

export interface SourceInvite {
  group_id: number;
  issue: "invite_no_group" | "invite_no_creator" | null;
}

// Whether the table has deleted_at depends on how it was made; a row as JSON has it or not.
export const invites = paged<SourceInvite>(
  "source_invites",
  2_000,
  `select i.token, i.group_id, i.created_by, coalesce(i.created_at, now())::timestamptz as created_at,
     i.expires_at::timestamptz as expires_at, case when i.max_uses <= 2147483647 then i.max_uses::int end as max_uses,
     least(coalesce(i.used_count, 0), 2147483647)::int as used_count, i.revoked_at::timestamptz as revoked_at,
     case when g.id is null or g.deleted_at is not null or ${groupIsOrphan} then 'invite_no_group'
       when u.id is null then 'invite_no_creator' end as issue
   from group_invite_links i left join groups g on g.id = i.group_id left join users u on u.id = i.created_by
   where to_jsonb(i) ->> 'deleted_at' is null order by i.token`,
);

export interface SourceToken {
  token_hash: string;
  /** Can still be used; what was revoked since an earlier run ends here too. */
  live: boolean;
}

export const tokens = paged<SourceToken>(
  "source_tokens",
  2_000,
  `select lower(t.token_hash) as token_hash, t.user_id, coalesce(t.created_at, now())::timestamptz as created_at,
     t.expires_at::timestamptz as expires_at,
     t.revoked_at is null and t.deleted_at is null and u.id is not null and u.deleted_at is null as live
   from refresh_tokens t left join users u on u.id = t.user_id
   where t.expires_at > now() order by t.id`,
);

export interface SourceVersion {
  id: number;
  platform: string;
  build_number: number;
  issue: "version_invalid" | null;
}

export const versions = paged<SourceVersion>(
  "source_versions",
  500,
  `select v.id, v.platform, v.version, v.build_number::bigint as build_number, v.download_url, coalesce(v.changelog, '') as changelog,
     coalesce(v.force_update, false) as force_update, coalesce(v.min_supported_build, 0)::bigint as min_supported_build,
     coalesce(v.is_active, true) as is_active,
     coalesce(v.release_date, v.created_at, now())::timestamptz as release_date,
     coalesce(v.created_at, v.release_date, now())::timestamptz as created_at,
     coalesce(v.updated_at, v.created_at, now())::timestamptz as updated_at,
     case when v.platform not in ('android', 'ios', 'web') or v.build_number <= 0 or v.min_supported_build < 0
       then 'version_invalid' end as issue
   from app_versions v order by v.id`,
);

const counts = statement<
  Record<"users" | "last_user" | "groups" | "last_group" | "deleted_groups" | "members", number>
>(
  "import.source_counts",
  `select (select count(*) from users) as users, (select coalesce(max(id), 0) from users) as last_user,
     (select count(*) from groups) as groups, (select coalesce(max(id), 0) from groups) as last_group,
     (select count(*) from groups where deleted_at is not null) as deleted_groups,
     (select count(*) from group_members) as members`,
);
const fingerprint = statement<{ mark: string }>(
  "import.source_fingerprint",
  "select id || ' ' || (created_at::timestamptz) as mark from users order by id limit 1",
);

export const sourceCounts = async (source: Queries) => only(await source.query(counts, []));

/** Tells one installation of the first server from another; it survives a dump and restore. */
export const sourceFingerprint = async (source: Queries): Promise<string> =>
  (await source.query(fingerprint, []))[0]?.mark ?? "no users";

/** Which of these names, in lower case, belong to somebody on the first server. */
export const namesInUse = async (source: Queries, names: string[]): Promise<string[]> =>
  names.length === 0 ? [] : (await source.query(inUse, [names])).map(({ name }) => name);
