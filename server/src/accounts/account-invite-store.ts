import type { Invitation, Role } from "@om/protocol";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

export interface InviteRow extends Invitation {
  group_name: string | null;
}

export interface NewInvitation {
  tokenHash: string;
  note: string;
  role: Role;
  groupId: number | undefined;
  createdBy: number | undefined;
  /** undefined: never. */
  expiresInSeconds: number | undefined;
  /** undefined: any number. */
  maxUses: number | undefined;
}

const columns = `i.id, i.note, i.role, i.group_id, i.created_by, i.created_at, i.expires_at, i.max_uses, i.used_count,
  (select g.name from groups g where g.id = i.group_id) as group_name`;
const noAdministrator = "not exists (select from users a where a.role = 'administrator' and a.deleted_at is null)";
/** What somebody has invited to who is shut out by now is worth nothing; the link of the first administrator, once there is one. */
const usable = `(i.role <> 'administrator' or ${noAdministrator}) and i.revoked_at is null and (i.expires_at is null or i.expires_at > now()) and (i.max_uses is null or i.used_count < i.max_uses)
  and (i.created_by is null or exists (
    select from users u where u.id = i.created_by and u.role = 'administrator' and u.state = 'open' and u.deleted_at is null))`;

const create = statement<InviteRow>(
  "account_invites.create",
  `insert into account_invites as i (token_hash, note, role, group_id, created_by, expires_at, max_uses)
   values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6::double precision), $7) returning ${columns}`,
);
const find = statement<InviteRow>(
  "account_invites.find",
  `select ${columns} from account_invites i where i.token_hash = $1 and ${usable}`,
);
const use = statement<{ id: number }>(
  "account_invites.use",
  `update account_invites i set used_count = i.used_count + 1 where i.token_hash = $1 and ${usable} returning i.id`,
);
const list = statement<InviteRow>(
  "account_invites.list",
  `select ${columns} from account_invites i where ${usable} order by i.id desc limit $1`,
);
const revoke = statement<{ id: number }>(
  "account_invites.revoke",
  "update account_invites i set revoked_at = now() where i.id = $1 and i.revoked_at is null returning i.id",
);
const firstAdministrator = statement<{ usable: boolean }>(
  "account_invites.first_administrator",
  `with made as (
     insert into account_invites (token_hash, note, role, max_uses)
     select $1, 'the first administrator', 'administrator', 1 where ${noAdministrator}
     on conflict (token_hash) do nothing returning 1
   ) select exists (select from made) or exists (select from account_invites i where i.token_hash = $1 and ${usable}) as usable`,
);

/** Invitations to make accounts. The counts of uses are exact: `use` decides. */
export function accountInviteStore(db: Queries) {
  return {
    create: async ({ tokenHash, note, role, ...more }: NewInvitation) => {
      const { groupId = null, createdBy = null, expiresInSeconds = null, maxUses = null } = more;
      return only(await db.query(create, [tokenHash, note, role, groupId, createdBy, expiresInSeconds, maxUses]));
    },
    /** undefined: it lets nobody in. */
    find: async (tokenHash: string) => (await db.query(find, [tokenHash]))[0],
    /** Takes one use; false: none is left. */
    use: async (tokenHash: string) => (await db.query(use, [tokenHash])).length > 0,
    /** Those that still let somebody in, the newest first. */
    list: (limit: number) => db.query(list, [limit]),
    /** false: there is no such invitation, or it was revoked before. */
    revoke: async (id: number) => (await db.query(revoke, [id])).length > 0,
    /** Makes the invitation unless it was made before or there is an administrator. @returns whether it can be used */
    firstAdministrator: async (tokenHash: string) => only(await db.query(firstAdministrator, [tokenHash])).usable,
  };
}
export type AccountInviteStore = ReturnType<typeof accountInviteStore>;
