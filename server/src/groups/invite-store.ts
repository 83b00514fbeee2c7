import type { Invite } from "@om/protocol";
import type { Queries } from "../platform/postgres/database.ts";
import { only, statement } from "../platform/postgres/statement.ts";

export interface InviteRow extends Omit<Invite, "join_path" | "join_url"> {
  group_id: number;
  revoked: boolean;
  expired: boolean;
}

interface NewInviteRow {
  token: string;
  groupId: number;
  createdBy: number;
  /** undefined: never expires. */
  expiresInSeconds: number | undefined;
  /** undefined: any number of times. */
  maxUses: number | undefined;
}

/** A link is worth what its maker's word is. */
const makerIsAdmin =
  "exists (select from conversations c join participants p on p.conversation_id = c.id" +
  " join users u on u.id = p.user_id and u.state = 'open'" +
  " where c.group_id = i.group_id and p.user_id = i.created_by and p.left_at is null and p.role = 'admin')";
const inviteColumns =
  "i.token, i.group_id, i.created_by, i.created_at, i.expires_at, i.max_uses, i.used_count," +
  ` (i.revoked_at is not null or not ${makerIsAdmin}) as revoked, coalesce(i.expires_at <= now(), false) as expired`;
const usable =
  `i.revoked_at is null and ${makerIsAdmin} and` +
  " (i.expires_at is null or i.expires_at > now()) and (i.max_uses is null or i.used_count < i.max_uses)";

const create = statement<InviteRow>(
  "invites.create",
  `insert into invites as i (token, group_id, created_by, expires_at, max_uses)
   values ($1, $2, $3, now() + make_interval(secs => $4::double precision), $5) returning ${inviteColumns}`,
);
const byToken = statement<InviteRow>("invites.by_token", `select ${inviteColumns} from invites i where i.token = $1`);
const listLive = statement<InviteRow>(
  "invites.live",
  `select ${inviteColumns} from invites i where i.group_id = $1 and ${usable} order by i.created_at desc, i.token limit $2`,
);
const use = statement<{ token: string }>(
  "invites.use",
  `update invites i set used_count = i.used_count + 1 where i.token = $1 and ${usable} returning i.token`,
);
const revoke = statement<{ token: string }>(
  "invites.revoke",
  `update invites i set revoked_at = coalesce(i.revoked_at, now()) where i.token = $1 and i.group_id = $2 returning i.token`,
);

/** Links that admit to a group while their makers are its admins. The counts of uses are exact: `use` decides. */
export function inviteStore(db: Queries) {
  return {
    create: async ({ token, groupId, createdBy, expiresInSeconds, maxUses }: NewInviteRow) =>
      only(await db.query(create, [token, groupId, createdBy, expiresInSeconds ?? null, maxUses ?? null])),
    byToken: async (token: string) => (await db.query(byToken, [token]))[0],
    /** Those that still admit somebody, the newest first. */
    usable: (groupId: number, limit: number) => db.query(listLive, [groupId, limit]),
    /** Takes one use; false: none is left. */
    use: async (token: string) => (await db.query(use, [token])).length > 0,
    /** false: the group has no such invite. */
    revoke: async (groupId: number, token: string) => (await db.query(revoke, [token, groupId])).length > 0,
  };
}
