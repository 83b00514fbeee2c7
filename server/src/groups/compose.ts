import type { UserViews } from "../accounts/user-view.ts";
import type { CacheWrites } from "../cache/write-marks.ts";
import type { Config } from "../config.ts";
import type { PublishGroupEvent } from "./change-group.ts";
import { createGroup } from "./create-group.ts";
import { editGroup } from "./edit-group.ts";
import { checkHandle, findGroup, listGroups, searchGroups } from "./find-groups.ts";
import { createInvite, joinByInvite, listInvites, previewInvite, revokeInvite } from "./invites.ts";
import { joinByHandle, joinGroup } from "./join-group.ts";
import { leaveAllGroups, leaveGroup } from "./leave-group.ts";
import { addMember, listMembers, removeMember, setRole } from "./members.ts";
import { setIcon } from "./set-icon.ts";
import type { SetIcon } from "../media/avatars.ts";
import type { Database } from "../platform/postgres/database.ts";
import type { RoutesOf } from "../platform/route-handlers.ts";

export function composeGroups(deps: {
  config: Pick<Config, "publicJoinBaseUrl">;
  db: Database;
  writes: CacheWrites;
  views: UserViews;
  publishGroupEvent: PublishGroupEvent;
}) {
  const { db } = deps;
  const links = { ...deps, joinBase: deps.config.publicJoinBaseUrl };
  return {
    /** Before an account is closed. */
    leaveAll: (userId: number) => leaveAllGroups(deps, userId),
    setIcon: ((userId, groupId, url) => setIcon(deps, { userId }, { groupId, url })) satisfies SetIcon,
    routes: {
      createGroup: ({ caller, body }) => createGroup(deps, caller, body),
      groups: ({ caller }) => listGroups(deps, caller),
      searchGroups: ({ caller, query }) => searchGroups(deps, caller, query),
      checkHandle: ({ query }) => checkHandle(db, query),
      groupByHandle: ({ caller, params }) => findGroup(deps, caller, params.handle),
      joinByHandle: ({ caller, params }) => joinByHandle(deps, caller, params.handle),
      editGroup: ({ caller, params, body }) => editGroup(deps, caller, { ...params, body }),
      joinGroup: ({ caller, params }) => joinGroup(deps, caller, params.id),
      leaveGroup: ({ caller, params }) => leaveGroup(deps, caller, params.id),
      groupMembers: ({ caller, params }) => listMembers(deps, caller, params.id),
      addMember: ({ caller, params, body }) => addMember(deps, caller, { ...body, ...params }),
      removeMember: ({ caller, params }) => removeMember(deps, caller, params),
      setRole: ({ caller, params, body }) => setRole(deps, caller, { ...body, ...params }),
      createInvite: ({ caller, params, body }) => createInvite(links, caller, { ...params, body }),
      invites: ({ caller, params }) => listInvites(links, caller, params.id),
      revokeInvite: ({ caller, params }) => revokeInvite(deps, caller, params),
      previewInvite: ({ params }) => previewInvite(db, params.token),
      joinByInvite: ({ caller, params }) => joinByInvite(deps, caller, params.token),
    } satisfies RoutesOf<"groups">,
  };
}
