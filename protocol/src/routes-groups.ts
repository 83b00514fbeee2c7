import { Type } from "typebox";
import { FullUser, Group, GroupRole, Invite, InvitePreview, NewInvite } from "./entities-groups.ts";
import { Nullable } from "./entities.ts";
import { optionalText, route, text, Whole, type Route } from "./route.ts";

const Done = Type.Object({ message: text });
const optionalFlag = Type.Optional(Nullable(Type.Boolean()));

const get = { method: "GET", auth: "token", csrf: false, errors: "text", status: 200 } as const;
const post = { method: "POST", auth: "token", csrf: true, errors: "text", status: 200 } as const;
const put = { ...post, method: "PUT" } as const;
const remove = { ...post, method: "DELETE" } as const;

/** All errors are `{"error"}` alone. */
export const groupRoutes = {
  createGroup: route({
    ...post,
    path: "/api/groups",
    failure: "create_group_failed",
    status: 201,
    body: Type.Object({
      name: optionalText,
      description: optionalText,
      is_public: optionalFlag,
      handle: optionalText,
    }),
    output: Group,
  }),
  groups: route({ ...get, path: "/api/groups", failure: "fetch_groups_failed", output: Type.Array(Group) }),
  searchGroups: route({
    ...get,
    path: "/api/groups/public/search",
    failure: "search_groups_failed",
    output: Type.Object({ groups: Type.Array(Group) }),
  }),
  /** `exclude_group_id`: that group's own handle counts as free. */
  checkHandle: route({
    ...get,
    path: "/api/groups/check-handle",
    output: Type.Object({ available: Type.Boolean() }),
  }),
  groupByHandle: route({ ...get, path: "/api/groups/handle/:handle", output: Group }),
  joinByHandle: route({ ...post, path: "/api/groups/handle/:handle/join", output: Group }),
  /** Only admins may. What is absent or null stays. A private group has no handle. */
  editGroup: route({
    ...put,
    path: "/api/groups/:id",
    body: Type.Object({
      name: optionalText,
      description: optionalText,
      is_public: optionalFlag,
      handle: optionalText,
    }),
    output: Group,
  }),
  joinGroup: route({ ...post, path: "/api/groups/:id/join", output: Done }),
  leaveGroup: route({ ...post, path: "/api/groups/:id/leave", failure: "leave_group_failed", output: Done }),
  groupMembers: route({
    ...get,
    path: "/api/groups/:id/members",
    failure: "fetch_members_failed",
    output: Type.Array(FullUser),
  }),
  /** Only admins may. Adding a member and removing somebody who is none change nothing. */
  addMember: route({
    ...post,
    path: "/api/groups/:id/members",
    body: Type.Object({ user_id: Whole }),
    output: Done,
  }),
  removeMember: route({ ...remove, path: "/api/groups/:id/members/:user_id", output: Done }),
  /** Only admins may. The last admin stays one. */
  setRole: route({
    ...put,
    path: "/api/groups/:id/members/:user_id",
    body: Type.Object({ role: GroupRole }),
    output: Done,
  }),
  createInvite: route({
    ...post,
    path: "/api/groups/:id/invite-links",
    body: Type.Object({
      single_use: optionalFlag,
      expires_in_seconds: Type.Optional(Nullable(Type.Integer())),
    }),
    output: NewInvite,
  }),
  /** Only admins may. The links that still admit somebody. */
  invites: route({
    ...get,
    path: "/api/groups/:id/invite-links",
    output: Type.Object({ invite_links: Type.Array(Invite) }),
  }),
  revokeInvite: route({ ...remove, path: "/api/groups/:id/invite-links/:token", output: Done }),
  previewInvite: route({ ...get, path: "/api/join/:token", auth: "none", output: InvitePreview }),
  joinByInvite: route({ ...post, path: "/api/join/:token", output: Group }),
} satisfies Record<string, Route>;
