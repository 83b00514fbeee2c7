import type { User } from "@om/protocol";
import type { UserViews } from "../accounts/user-view.ts";
import type { Caller } from "../platform/caller.ts";
import { OmError } from "../platform/om-error.ts";
import type { ReceiveFile } from "../platform/upload.ts";
import type { AvatarStore } from "./avatar-store.ts";
import { deleteAvatar, replaceAvatar, type MediaDeps } from "./replace-avatar.ts";

type Deps = MediaDeps & { avatars: AvatarStore; views: UserViews };

/** @throws OmError those of `replaceAvatar`, `unauthorized` when the account has gone */
export async function uploadAvatar(deps: Deps, caller: Caller, receive: ReceiveFile): Promise<{ user: User }> {
  const profile = await replaceAvatar(deps, `avatars/${caller.userId}`, receive, (url) => setAvatar(deps, caller, url));
  return { user: deps.views.user(profile, caller.userId, await deps.views.lookup([profile])) };
}

/** Also when there was none. @throws OmError `unauthorized` when the account has gone */
export async function removeAvatar(
  deps: Pick<Deps, "storage" | "onLeftover" | "avatars" | "views">,
  caller: Caller,
): Promise<{ user: User }> {
  const profile = await setAvatar(deps, caller, "");
  await deleteAvatar(deps, `avatars/${caller.userId}`, profile.previous);
  return { user: deps.views.user(profile, caller.userId, await deps.views.lookup([profile])) };
}

/** Of an account that is about to be closed. */
export async function forgetAvatar(
  deps: Pick<Deps, "storage" | "onLeftover" | "avatars">,
  userId: number,
): Promise<void> {
  const profile = await deps.avatars.set(userId, "");
  if (profile !== undefined) await deleteAvatar(deps, `avatars/${userId}`, profile.previous);
}

async function setAvatar({ avatars }: Pick<Deps, "avatars">, caller: Caller, url: string) {
  const profile = await avatars.set(caller.userId, url);
  if (profile === undefined) throw new OmError("unauthorized");
  return profile;
}
