import type { UserViews } from "./accounts/user-view.ts";
import type { CacheWrites } from "./cache/write-marks.ts";
import type { Config } from "./config.ts";
import { addMember } from "./groups/add-member.ts";
import { checkHandle } from "./groups/check-handle.ts";
import { createGroup } from "./groups/create-group.ts";
import { createInvite } from "./groups/create-invite.ts";
import { editGroup } from "./groups/edit-group.ts";
import { findGroup } from "./groups/find-group.ts";
import type { Announce } from "./groups/group-event.ts";
import { joinByInvite } from "./groups/join-by-invite.ts";
import { joinByHandle, joinGroup } from "./groups/join-group.ts";
import { leaveAllGroups, leaveGroup } from "./groups/leave-group.ts";
import { listGroups } from "./groups/list-groups.ts";
import { listInvites } from "./groups/list-invites.ts";
import { listMembers } from "./groups/list-members.ts";
import { previewInvite } from "./groups/preview-invite.ts";
import { removeMember } from "./groups/remove-member.ts";
import { revokeInvite } from "./groups/revoke-invite.ts";
import { searchGroups } from "./groups/search-groups.ts";
import { setIcon } from "./groups/set-icon.ts";
import { setRole } from "./groups/set-role.ts";
import type { SetIcon } from "./media/group-avatar.ts";
import type { Handlers } from "./http/handlers.ts";
import type { Database } from "./platform/postgres/database.ts";

type GroupRoutes =
  | "createGroup"
  | "groups"
  | "searchGroups"
  | "checkHandle"
  | "groupByHandle"
  | "joinByHandle"
  | "editGroup"
  | "joinGroup"
  | "leaveGroup"
  | "groupMembers"
  | "addMember"
  | "removeMember"
  | "setRole"
  | "createInvite"
  | "invites"
  | "revokeInvite"
  | "previewInvite"
  | "joinByInvite";

/** What the transports are given of groups. */
export interface Groups {
  routes: Pick<Handlers, GroupRoutes>;
  /** Before an account is closed. */
  leaveAll: (userId: number) => Promise<void>;
  setIcon: SetIcon;
}

export function composeGroups(deps: {
  config: Pick<Config, "publicJoinBaseUrl">;
  db: Database;
  writes: CacheWrites;
  views: UserViews;
  announce: Announce;
}): Groups {
  const { db, writes } = deps;
  const links = { db, writes, joinBase: deps.config.publicJoinBaseUrl };
  return {
    leaveAll: (userId) => leaveAllGroups(deps, userId),
    setIcon: (userId, groupId, url) => setIcon(deps, { userId }, { groupId, url }),
    routes: {
      createGroup: ({ caller, body }) => createGroup(deps, caller, body),
      groups: ({ caller }) => listGroups(deps, caller),
      searchGroups: ({ caller, query }) => searchGroups(deps, caller, query),
      checkHandle: ({ query }) => checkHandle(db, query),
      groupByHandle: ({ caller, params }) => findGroup(deps, caller, params["handle"]),
      joinByHandle: ({ caller, params }) => joinByHandle(deps, caller, params["handle"]),
      editGroup: ({ caller, params, body }) => editGroup(deps, caller, { id: params["id"], body }),
      joinGroup: ({ caller, params }) => joinGroup(deps, caller, params["id"]),
      leaveGroup: ({ caller, params }) => leaveGroup(deps, caller, params["id"]),
      groupMembers: ({ caller, params }) => listMembers(deps, caller, params["id"]),
      addMember: ({ caller, params, body }) => addMember(deps, caller, { id: params["id"], userId: body.user_id }),
      removeMember: ({ caller, params }) => removeMember(deps, caller, { id: params["id"], userId: params["user_id"] }),
      setRole: ({ caller, params, body }) =>
        setRole(deps, caller, { id: params["id"], userId: params["user_id"], role: body.role }),
      createInvite: ({ caller, params, body }) => createInvite(links, caller, { id: params["id"], body }),
      invites: ({ caller, params }) => listInvites(links, caller, params["id"]),
      revokeInvite: ({ caller, params }) =>
        revokeInvite(writes, caller, { id: params["id"], token: params["token"] ?? "" }),
      previewInvite: ({ params }) => previewInvite(db, params["token"] ?? ""),
      joinByInvite: ({ caller, params }) => joinByInvite(deps, caller, params["token"] ?? ""),
    },
  };
}
