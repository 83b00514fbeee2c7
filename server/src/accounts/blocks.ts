import { limits, type User } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import { parseId } from "../platform/page-limit.ts";
import type { BlockStore } from "./block-store.ts";
import type { UserViews } from "./user-view.ts";

/** From now on the other's direct messages are not shown to the caller. @throws OmError `invalid_user_id`, `user_not_found` */
export async function blockUser(store: BlockStore, caller: Caller, id: string | undefined): Promise<{ ok: boolean }> {
  if (!(await store.add(caller.userId, parseOtherUserId(caller, id), limits.blocks)))
    throw new OmError("user_not_found");
  return { ok: true };
}

/** What was hidden stays hidden; what comes from now on is shown. Somebody who was not blocked stays so. */
export async function unblockUser(store: BlockStore, caller: Caller, id: string | undefined): Promise<{ ok: boolean }> {
  await store.remove(caller.userId, parseOtherUserId(caller, id));
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

function parseOtherUserId(caller: Caller, text: string | undefined): number {
  const id = parseId(text, "invalid_user_id");
  if (id === caller.userId) throw new OmError("invalid_user_id");
  return id;
}
