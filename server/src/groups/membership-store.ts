import type { GroupRole, WhoMayAdd } from "@om/protocol";
import { profileColumns } from "../accounts/profile-columns.ts";
import type { FullProfile } from "../accounts/user-view.ts";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

/** The conversation of a group after a change of it. */
export interface GroupHead {
  conversation_id: number;
  ver: number;
  seq: number;
}

/** A group as one user stands to it; `role` is null for somebody who is not a member. */
export interface GroupAccess {
  conversation_id: number;
  is_public: boolean;
  role: GroupRole | null;
}

export interface MemberRow {
  user_id: number;
  role: GroupRole;
  joined_at: string;
}

/** Of `conversations c`: one more version. */
const raised = "ver = c.ver + 1, changed_xid = pg_current_xact_id()";
const head = "c.id as conversation_id, c.ver, c.seq";

const access = statement<GroupAccess>(
  "memberships.access",
  `select c.id as conversation_id, g.is_public, p.role
   from groups g join conversations c on c.group_id = g.id
     left join participants p on p.conversation_id = c.id and p.user_id = $2 and p.left_at is null
       and exists (select from users u where u.id = $2 and u.deleted_at is null)
   where g.id = $1`,
);
const joinConditions = statement<{
  members: number;
  account: boolean;
  blocked: boolean;
  banned: boolean;
  addable: boolean;
}>(
  "memberships.join_conditions",
  `select (select c.members from conversations c where c.id = $1) as members,
     exists (select from users u where u.id = $2 and u.deleted_at is null) as account,
     exists (select from blocks b where b.blocker_id = $2 and b.blocked_id = $3) as blocked,
     exists (select from participants p where p.conversation_id = $1 and p.user_id = $2 and p.banned) as banned,
     case coalesce((select u.who_may_add from users u where u.id = $2), $4)
       when 'everybody' then true
       when 'contacts' then exists (
         select from conversations c join participants p on p.conversation_id = c.id and p.user_id = $2
         where c.lo = least($2, $3) and c.hi = greatest($2, $3) and (p.sent > 0 or p.read_seq > p.cleared_seq)
       )
       else false end as addable`,
);

// The first member of an empty group is its admin; only an imported group can be public and empty.
const join = statement<GroupHead>(
  "memberships.join",
  `with raised as (update conversations c set ${raised} where c.id = $1 returning ${head}, c.cleared_seq, c.cleared_id),
   joined as (
     insert into participants as p
       (user_id, conversation_id, role, joined_seq, read_seq, delivered_seq, delivered_ver, cleared_seq, cleared_id, member_ver, moved_xid)
     select $2, h.conversation_id,
       case when exists (select from participants m where m.conversation_id = $1 and m.left_at is null)
         then 'member' else 'admin' end,
       h.seq, h.seq, h.seq, h.ver, h.cleared_seq, h.cleared_id, 1, pg_current_xact_id()
     from raised h
     on conflict (user_id, conversation_id) do update
     set role = excluded.role, joined_at = now(), left_at = null, banned = false, member_ver = p.member_ver + 1, joined_seq = excluded.joined_seq,
       read_seq = excluded.read_seq, delivered_seq = excluded.delivered_seq, sent_at_read = p.sent, skipped = 0,
       last_visible_id = null, last_visible_at = null, delivered_ver = excluded.delivered_ver, changed_xid = pg_current_xact_id(),
       cleared_seq = greatest(p.cleared_seq, excluded.cleared_seq), cleared_id = greatest(p.cleared_id, excluded.cleared_id)
   ),
   lists as (update user_state set list_ver = list_ver + 1 where user_id = $2)
   select conversation_id, ver, seq from raised`,
);
/** Links that the user $2 has made end for good, also when that one becomes an admin again. */
const linksEnd = (rows: string): string =>
  `links as (
     update invites i set revoked_at = now() from conversations c join ${rows} on c.id = ${rows}.conversation_id
     where i.group_id = c.group_id and i.created_by = $2 and i.revoked_at is null
   )`;
const leave = statement<GroupHead>(
  "memberships.leave",
  `with gone as (
     update participants set left_at = now(), changed_xid = pg_current_xact_id(), member_ver = member_ver + 1
     where user_id = $2 and conversation_id = $1 and left_at is null returning conversation_id
   ),
   lists as (update user_state set list_ver = list_ver + 1 where user_id = $2 and exists (select from gone)),
   ${linksEnd("gone")}
   update conversations c set ${raised} from gone where c.id = gone.conversation_id returning ${head}`,
);
const ban = statement<never>(
  "memberships.ban",
  "update participants set banned = true where user_id = $2 and conversation_id = $1",
);
const promoteOldest = statement<never>(
  "memberships.promote_oldest",
  `update participants set role = 'admin', changed_xid = pg_current_xact_id()
   where conversation_id = $1
     and user_id = (
       select m.user_id from participants m where m.conversation_id = $1 and m.left_at is null
       order by m.joined_at, m.user_id limit 1
     )
     and not exists (
       select from participants m where m.conversation_id = $1 and m.left_at is null and m.role = 'admin'
     )`,
);
// A group without members stays for its messages, private, without handle and links: nobody can find or join it any more.
const closeEmpty = statement<never>(
  "memberships.close_empty",
  `with closed as (
     update groups g set is_public = false, handle = null, updated_at = now()
     from conversations c
     where c.id = $1 and g.id = c.group_id
       and not exists (select from participants m where m.conversation_id = $1 and m.left_at is null)
     returning g.id
   ),
   freed as (delete from names n using closed where n.group_id = closed.id)
   update invites i set revoked_at = now() from closed where i.group_id = closed.id and i.revoked_at is null`,
);
const otherAdmin = statement<{ found: boolean }>(
  "memberships.other_admin",
  `select exists (
     select from participants m
     where m.conversation_id = $1 and m.user_id <> $2 and m.left_at is null and m.role = 'admin'
   ) as found`,
);
const setRole = statement<GroupHead>(
  "memberships.set_role",
  `with moved as (
     update participants set role = $3, changed_xid = pg_current_xact_id()
     where user_id = $2 and conversation_id = $1 and left_at is null and role <> $3 returning conversation_id
   ),
   ${linksEnd("moved")}
   update conversations c set ${raised} from moved where c.id = moved.conversation_id returning ${head}`,
);
const raiseVersion = statement<GroupHead>(
  "memberships.raise_version",
  `update conversations c set ${raised} where c.id = $1 returning ${head}`,
);
// Closed accounts are sorted out afterwards: for a planner without statistics a condition on deleted_at leaves so few users that it
// would look each of them up by reading all.
const memberOrder = "p.conversation_id = $1 and p.left_at is null order by p.joined_at, p.user_id limit $2";
const members = statement<MemberRow & { closed: boolean }>(
  "memberships.members",
  `select p.user_id, p.role, p.joined_at, u.deleted_at is not null as closed
   from participants p join users u on u.id = p.user_id where ${memberOrder}`,
);
const profiles = statement<FullProfile & { closed: boolean }>(
  "memberships.profiles",
  `select ${profileColumns("$3")}, u.created_at, u.updated_at, u.deleted_at is not null as closed
   from participants p join users u on u.id = p.user_id where ${memberOrder}`,
);
const groupIds = statement<{ group_id: number }>(
  "memberships.group_ids",
  `select c.group_id from participants p join conversations c on c.id = p.conversation_id
   where p.user_id = $1 and p.left_at is null and c.group_id is not null order by c.group_id limit $2`,
);

/**
 * Who is in a group. Every change raises the conversation's version once, and the list version of the one who joined or left. All but
 * the reads are for a transaction of `changeGroup`, which holds the locks.
 */
export function membershipStore(db: Queries) {
  return {
    /** undefined: no such group. */
    access: async (groupId: number, userId: number) => (await db.query(access, [groupId, userId]))[0],
    /**
     * How many members there are; whether `userId` is an open account, has blocked `actorId`, is banned from the group, and may be added by
     * `actorId`: the user's own choice decides, else `whoMayAdd`.
     */
    joinConditions: async (conversationId: number, userId: number, actorId: number, whoMayAdd: WhoMayAdd) =>
      only(await db.query(joinConditions, [conversationId, userId, actorId, whoMayAdd])),
    /** For somebody who is not a member; an earlier membership is taken up again. */
    join: async (conversationId: number, userId: number) => only(await db.query(join, [conversationId, userId])),
    /** undefined: was not a member, nothing changed. `promoteOrClose` must follow. */
    leave: async (conversationId: number, userId: number) => (await db.query(leave, [conversationId, userId]))[0],
    /** Whoever is or was a member joins no more until an admin adds them. */
    ban: (conversationId: number, userId: number) => db.query(ban, [conversationId, userId]),
    /** After somebody left: without an admin the oldest member becomes one, without members the group closes. */
    async promoteOrClose(conversationId: number): Promise<void> {
      await db.query(promoteOldest, [conversationId]);
      await db.query(closeEmpty, [conversationId]);
    },
    hasOtherAdmin: async (conversationId: number, userId: number) =>
      only(await db.query(otherAdmin, [conversationId, userId])).found,
    /** undefined: has that role already. */
    setRole: async (conversationId: number, userId: number, role: GroupRole) =>
      (await db.query(setRole, [conversationId, userId, role]))[0],
    /** One more version. */
    raiseVersion: async (conversationId: number) => only(await db.query(raiseVersion, [conversationId])),
    /** The oldest first. */
    members: async (conversationId: number, limit: number): Promise<MemberRow[]> =>
      (await db.query(members, [conversationId, limit])).filter(({ closed }) => !closed),
    /** Of the members, the oldest first, as the viewer sees them. */
    profiles: async (conversationId: number, viewerId: number, limit: number): Promise<FullProfile[]> =>
      (await db.query(profiles, [conversationId, limit, viewerId])).filter(({ closed }) => !closed),
    groupIds: async (userId: number, limit: number) =>
      (await db.query(groupIds, [userId, limit])).map(({ group_id: id }) => id),
  };
}
export type MembershipStore = ReturnType<typeof membershipStore>;
