import { randomBytes } from "node:crypto";
import type { NewInvite, RouteBody } from "@om/protocol";
import type { CacheWrites } from "../cache/write-marks.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { changeGroup } from "./change-group.ts";
import { inviteView } from "./invite-view.ts";
import { readGroupId } from "./read-input.ts";

/** Later is never: 100 years, in seconds. */
const longest = 3_155_760_000;

/** By an admin. A link without an end never expires. */
export async function createInvite(
  { writes, joinBase }: { writes: CacheWrites; joinBase: string },
  { userId }: Caller,
  { id, body }: { id: string | undefined; body: RouteBody<"createInvite"> },
): Promise<NewInvite> {
  const groupId = readGroupId(id);
  const seconds = body.expires_in_seconds ?? 0;
  const expiresInSeconds = seconds > 0 ? Math.min(seconds, longest) : undefined;
  const row = await changeGroup(writes, { groupId, userIds: [] }, async ({ members, invites }) => {
    const role = (await members.standing(groupId, userId))?.role ?? null;
    if (role === null) throw new OmError("record_not_found");
    if (role !== "admin") throw new OmError("not_group_admin");
    const token = randomBytes(18).toString("base64url");
    const maxUses = body.single_use === true ? 1 : undefined;
    return invites.create({ token, groupId, createdBy: userId, expiresInSeconds, maxUses });
  });
  return inviteView(row, joinBase);
}
