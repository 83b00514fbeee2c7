import type { RouteBody, User } from "@om/protocol";
import type { Caller } from "../platform/caller.ts";
import { cleanText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { wholeNumber } from "../platform/page-limit.ts";
import type { AccountStore } from "./account-store.ts";
import { readFullName, readUsername } from "./names.ts";
import type { UserViews } from "./user-view.ts";

interface Deps {
  accounts: AccountStore;
  views: UserViews;
}

/** The caller's own profile; `tag` changes with every edit of it, not with presence. */
export async function me({ accounts, views }: Deps, caller: Caller): Promise<{ body: { user: User }; tag: string }> {
  const profile = await accounts.byId(caller.userId);
  if (profile === undefined) throw new OmError("unauthorized");
  const tag = `u-${profile.id}-${profile.updated_at.replaceAll(/\D/g, "")}`;
  return { body: { user: views.user(profile, caller.userId, await views.lookup([profile])) }, tag };
}

/** An empty field stays as it is. A change of case only is always allowed. */
export async function updateMe(
  { accounts, views }: Deps,
  caller: Caller,
  body: RouteBody<"updateMe">,
): Promise<{ user: User }> {
  const username = (body.username ?? "") === "" ? undefined : readUsername(body.username ?? "");
  const given = readFullName(body.full_name ?? "");
  const fullName = given === "" ? undefined : given;
  const updated = await accounts.update(caller.userId, { username, fullName });
  if (updated === "username") throw new OmError("update_profile_failed", "username already taken");
  if (updated === undefined || updated === "email") throw new OmError("update_profile_failed", "user not found");
  return { user: views.user(updated, caller.userId, await views.lookup([updated])) };
}

/** All digits: a user id; else a username without case. */
export async function getUser({ accounts, views }: Deps, caller: Caller, identifier: string): Promise<{ user: User }> {
  const digits = /^\d+$/.test(identifier);
  if (digits && /^0+$/.test(identifier)) throw new OmError("invalid_user_id");
  const id = digits ? wholeNumber(identifier) : undefined;
  const profile = digits
    ? id === undefined
      ? undefined
      : await accounts.byId(id, caller.userId)
    : await accounts.byName(cleanText(identifier), caller.userId);
  if (profile === undefined) throw new OmError("user_not_found");
  return { user: views.user(profile, caller.userId, await views.lookup([profile])) };
}
