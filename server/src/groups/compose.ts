import type { Profiles } from "../accounts/profile-cache.ts";
import type { UserViews } from "../accounts/user-view.ts";
import { keptAnswer } from "../cache/answers.ts";
import type { Cache } from "../cache/cache.ts";
import type { Config } from "../config.ts";
import { listSource } from "../conversations/list-cache.ts";
import type { PublishGroupEvent } from "./change-group.ts";
import { createGroup } from "./create-group.ts";
import { editGroup } from "./edit-group.ts";
import { checkHandle, findGroup, listGroups, searchGroups } from "./find-groups.ts";
import { aboutSource } from "./group-cache.ts";
import { createInvite, joinByInvite, listInvites, previewInvite, revokeInvite } from "./invites.ts";
import { joinByHandle, joinGroup, joinInvited } from "./join-group.ts";
import { leaveAllGroups, leaveGroup } from "./leave-group.ts";
import { addMember, listMembers, removeMember, setRole } from "./members.ts";
import { setIcon } from "./set-icon.ts";
import type { SetIcon } from "../media/avatars.ts";
import type { Database } from "../platform/postgres/database.ts";
import type { RoutesOf } from "../platform/route-handlers.ts";

export function composeGroups({
  cache,
  config,
  ...parts
}: {
  config: Pick<Config, "publicJoinBaseUrl" | "whoMayAdd">;
  db: Database;
  cache: Pick<Cache, "answers" | "writes">;
  views: UserViews;
  profiles: Profiles;
  publishGroupEvent: PublishGroupEvent;
}) {
  const { db } = parts;
  const { whoMayAdd } = config;
  const deps = { ...parts, whoMayAdd, writes: cache.writes, list: listSource(db), about: aboutSource(db) };
  const links = { ...deps, joinBase: config.publicJoinBaseUrl };
  const keep = keptAnswer(cache.answers);
  return {
    /** Before an account is closed. */
    leaveAll: (userId: number) => leaveAllGroups(deps, userId),
    joinInvited: (userId: number, groupId: number) => joinInvited(deps, userId, groupId),
    setIcon: ((actor, groupId, url) => setIcon(deps, actor, { groupId, url })) satisfies SetIcon,
    routes: {
      createGroup: ({ caller, body }) => createGroup(deps, caller, body),
      groups: (request) => keep("groups", request, (reads) => listGroups(deps, request.caller, reads)),
      searchGroups: ({ caller, query }) => searchGroups(deps, caller, query),
      checkHandle: ({ query }) => checkHandle(db, query),
      groupByHandle: (request) =>
        keep("groupByHandle", request, (reads) =>
          findGroup(deps, request.caller, { handle: request.params.handle, reads }),
        ),
      joinByHandle: ({ caller, params }) => joinByHandle(deps, caller, params.handle),
      editGroup: ({ actor, params, body }) => editGroup(deps, actor, { ...params, body }),
      joinGroup: ({ caller, params }) => joinGroup(deps, caller, params.id),
      leaveGroup: ({ caller, params }) => leaveGroup(deps, caller, params.id),
      groupMembers: (request) =>
        keep("groupMembers", request, (reads) => listMembers(deps, request.caller, { id: request.params.id, reads })),
      addMember: ({ actor, params, body }) => addMember(deps, actor, { ...body, ...params }),
      removeMember: ({ actor, params }) => removeMember(deps, actor, params),
      setRole: ({ actor, params, body }) => setRole(deps, actor, { ...body, ...params }),
      createInvite: ({ actor, params, body }) => createInvite(links, actor, { ...params, body }),
      invites: ({ caller, params }) => listInvites(links, caller, params.id),
      revokeInvite: ({ actor, params }) => revokeInvite(deps, actor, params),
      previewInvite: ({ params }) => previewInvite(deps, params.token),
      joinByInvite: ({ caller, params }) => joinByInvite(deps, caller, params.token),
    } satisfies RoutesOf<"groups">,
  };
}
