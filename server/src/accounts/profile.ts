import { limits, type RouteBody, type RouteQuery, type User, type WhoMayAdd } from "@om/protocol";
import type { Reads } from "../cache/recorder.ts";
import type { Caller } from "../platform/caller.ts";
import { cleanText } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";
import { cleanName } from "../platform/visible-text.ts";
import { pageLimit, wholeNumber } from "../platform/page-limit.ts";
import type { AccountStore, OwnProfile } from "./account-store.ts";
import { parseFullName, parseUsername } from "./names.ts";
import type { Profiles } from "./profile-cache.ts";
import type { UserPushes } from "./user-pushes.ts";
import type { UserViews } from "./user-view.ts";

interface Deps {
  accounts: AccountStore;
  views: UserViews;
}

interface OwnDeps extends Deps {
  /** Who may add those who have not chosen themselves. */
  whoMayAdd: WhoMayAdd;
  pushes: Pick<UserPushes, "face">;
}

/** The caller's own profile; `etag` changes with every edit of it, not with presence. */
export async function me(
  deps: Omit<OwnDeps, "pushes">,
  { userId }: Caller,
): Promise<{ body: { user: User }; etag: string }> {
  const profile = await deps.accounts.byId(userId);
  if (profile === undefined) throw new OmError("unauthorized");
  const etag = `u-${profile.id}-${profile.updated_at.replaceAll(/\D/g, "")}`;
  return { body: { user: await ownUser(deps, profile) }, etag };
}

/** An empty field stays as it is. A change of case only is always allowed. */
export async function updateMe(
  deps: OwnDeps,
  { userId }: Caller,
  body: RouteBody<"updateMe">,
): Promise<{ user: User }> {
  const username = (body.username ?? "") === "" ? undefined : parseUsername(body.username ?? "");
  const fullName = parseFullName(body.full_name ?? "") || undefined;
  const whoMayAdd = body.who_may_add_me ?? undefined;
  const updated = await deps.accounts.update(userId, { username, fullName, whoMayAdd });
  if (updated === "username") throw new OmError("update_profile_failed", "username already taken");
  if (updated === undefined || updated === "email") throw new OmError("update_profile_failed", "user not found");
  if (username !== undefined || fullName !== undefined) deps.pushes.face(userId);
  return { user: await ownUser(deps, updated) };
}

async function ownUser({ views, whoMayAdd }: Pick<OwnDeps, "views" | "whoMayAdd">, profile: OwnProfile): Promise<User> {
  return { ...(await views.alone(profile, profile.id)), who_may_add_me: profile.who_may_add ?? whoMayAdd };
}

/** All digits: a user id; else a username without case. */
export async function getUser(
  { accounts, profiles, views }: Deps & { profiles: Profiles },
  caller: Caller,
  { text, reads }: { text: string; reads: Reads },
): Promise<{ user: User }> {
  if (/^0+$/.test(text)) throw new OmError("invalid_user_id");
  const name = /^\d+$/.test(text) ? undefined : cleanText(text).toLowerCase();
  const id = name === undefined ? wholeNumber(text) : await accounts.idByName(name);
  if (id === undefined) throw new OmError("user_not_found");
  const [[profile], online] = await Promise.all([profiles.forViewer(reads, caller, [id]), views.observe(reads, [id])]);
  // The name is this user's for as long as the profile has it.
  const isNamedSo = name === undefined || profile?.username.toLowerCase() === name;
  if (profile === undefined || profile.isClosed || !isNamedSo) throw new OmError("user_not_found");
  return { user: views.user(profile, caller.userId, online) };
}

/** Users whose username or full name contains the text, without case, the one named so first, then in order of username. */
export async function searchUsers(
  { accounts, views }: Deps,
  { userId }: Caller,
  query: RouteQuery<"searchUsers">,
): Promise<{ users: User[] }> {
  if (query.q === undefined || query.q === "") throw new OmError("missing_query");
  const text = cleanName(query.q).trim();
  if (text === "") return { users: [] };
  const found = await accounts.search(text, pageLimit(query.limit, limits.searchResults, 20), userId);
  const online = await views.lookup(found);
  return { users: found.map((profile) => views.user(profile, userId, online)) };
}

/** Whether a name is free among users and groups, without case. */
export async function checkUsername(accounts: AccountStore, text: string | undefined): Promise<{ available: boolean }> {
  if (text === undefined || text === "") throw new OmError("missing_username");
  return { available: !(await accounts.nameTaken(parseUsername(text))) };
}
