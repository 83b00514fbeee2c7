import { limits, type User } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { parseId } from "../platform/page-limit.ts";
import type { BlockStore } from "./block-store.ts";
import type { UserPushes } from "./user-pushes.ts";
import type { UserViews } from "./user-view.ts";

interface Deps {
  blocks: BlockStore;
  pushes: Pick<UserPushes, "block">;
}

/** From now on the other's direct messages are not shown to the caller. @throws OmError `invalid_user_id`, `user_not_found` */
export async function blockUser(deps: Deps, { userId }: Caller, id: string | undefined): Promise<{ ok: boolean }> {
  const other = parseOtherUserId(userId, id);
  if (!(await deps.blocks.add(userId, other, limits.blocks))) throw new OmError("user_not_found");
  deps.pushes.block(userId, other, true);
  return { ok: true };
}

/** What was hidden stays hidden; what comes from now on is shown. Somebody who was not blocked stays so. */
export async function unblockUser(deps: Deps, { userId }: Caller, id: string | undefined): Promise<{ ok: boolean }> {
  const other = parseOtherUserId(userId, id);
  await deps.blocks.remove(userId, other);
  deps.pushes.block(userId, other, false);
  return { ok: true };
}

/** Whom the caller has blocked, the latest first. */
export async function listBlocks(
  deps: { blocks: BlockStore; views: UserViews },
  caller: Caller,
): Promise<{ users: User[] }> {
  const rows = await deps.blocks.list(caller.userId, limits.blocks);
  const online = await deps.views.lookup(rows);
  return { users: rows.map((profile) => deps.views.user(profile, caller.userId, online)) };
}

function parseOtherUserId(userId: number, text: string | undefined): number {
  const id = parseId(text, "invalid_user_id");
  if (id === userId) throw new OmError("invalid_user_id");
  return id;
}
