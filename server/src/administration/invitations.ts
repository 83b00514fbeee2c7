import { limits, type Invitation, type Role } from "@om/protocol";
import { writeAct } from "../acts/act-store.ts";
import { accountInviteStore, type InviteRow } from "../accounts/account-invite-store.ts";
import { newToken, tokenHash } from "../accounts/secret-token.ts";
import { cleanText, cutCharacters } from "../platform/cut-text.ts";
import type { Actor } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { Database } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";
import { lockAdministration, requireRole } from "./administer.ts";

const groupThere = statement<{ id: number }>("invitations.group", "select id from groups where id = $1");

interface Wanted {
  note: string;
  /** null: never. */
  expiresInSeconds: number | null;
  /** null: any number. */
  maxUses: number | null;
  groupId: number | null;
  role?: Role;
}

/** By an administrator. @throws OmError `group_not_found` */
export async function makeInvitation(
  db: Database,
  actor: Actor,
  { note, role = "user", ...wanted }: Wanted,
): Promise<{ invitation: Invitation; token: string }> {
  const token = newToken();
  const row = await db.transaction(async (queries) => {
    await lockAdministration(queries);
    await requireRole(queries, actor, "administrator");
    if (wanted.groupId !== null && (await queries.query(groupThere, [wanted.groupId])).length === 0)
      throw new OmError("group_not_found");
    const made = await accountInviteStore(queries).create({
      tokenHash: tokenHash(token),
      note: cutCharacters(cleanText(note).trim(), limits.fullNameChars),
      role,
      groupId: wanted.groupId ?? undefined,
      createdBy: actor.userId,
      expiresInSeconds: wanted.expiresInSeconds ?? undefined,
      maxUses: wanted.maxUses ?? undefined,
    });
    const details = {
      invitation: made.id,
      role,
      group: wanted.groupId,
      uses: wanted.maxUses,
      expires: made.expires_at,
    };
    await writeAct(queries, actor, { act: "make_invitation", details });
    return made;
  });
  return { invitation: shown(row), token };
}

/** By an administrator: those that still let somebody in, the newest first. */
export async function listInvitations(db: Database, actor: Actor): Promise<Invitation[]> {
  await requireRole(db, actor, "administrator");
  return (await accountInviteStore(db).list(limits.invitesPage)).map(shown);
}

/** By an administrator. */
export async function revokeInvitation(db: Database, actor: Actor, id: number): Promise<{ ok: boolean }> {
  await db.transaction(async (queries) => {
    await lockAdministration(queries);
    await requireRole(queries, actor, "administrator");
    if (!(await accountInviteStore(queries).revoke(id))) throw new OmError("invite_not_found");
    await writeAct(queries, actor, { act: "revoke_invitation", details: { invitation: id } });
  });
  return { ok: true };
}

function shown({ group_name: _group, ...invitation }: InviteRow): Invitation {
  return invitation;
}
