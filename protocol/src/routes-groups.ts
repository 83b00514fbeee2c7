import { Type } from "./typebox.ts";
import { FullUser, Group, GroupRole, Invite, InvitePreview, NewInvite } from "./entities-groups.ts";
import { Nullable, Whole } from "./entities.ts";
import { mayHave, optionalText, parameter, route, text, type Route } from "./route.ts";

const Done = Type.Object({ message: text });
const optionalFlag = Type.Optional(Nullable(Type.Boolean()));
const face = { name: optionalText, description: optionalText, is_public: optionalFlag, handle: optionalText };

const get = { method: "GET", auth: "token", csrf: false, errors: "text", status: 200 } as const;
const post = { method: "POST", auth: "token", csrf: true, errors: "text", status: 200 } as const;
const put = { ...post, method: "PUT" } as const;
const remove = { ...post, method: "DELETE" } as const;

/** All errors are `{"error"}` alone. */
export const groupRoutes = {
  createGroup: route({
    ...post,
    path: "/api/groups",
    summary: "Makes a group with me as its admin; only a public one has a handle.",
    limit: "groups",
    failure: "create_group_failed",
    status: 201,
    body: Type.Object(face),
    output: Group,
  }),
  groups: route({
    ...get,
    path: "/api/groups",
    summary: "The groups that I am in.",
    failure: "fetch_groups_failed",
    output: Type.Array(Group),
  }),
  searchGroups: route({
    ...get,
    path: "/api/groups/public/search",
    summary: "Public groups whose handle or name contains a text.",
    limit: "searches",
    failure: "search_groups_failed",
    query: Type.Object({ q: parameter("What to look for."), limit: mayHave("1 to 50, else 20.") }),
    output: Type.Object({ groups: Type.Array(Group) }),
  }),
  checkHandle: route({
    ...get,
    path: "/api/groups/check-handle",
    summary: "Whether a handle is free.",
    limit: "searches",
    query: Type.Object({
      handle: parameter("The handle to look for."),
      exclude_group_id: mayHave("A group whose own handle counts as free."),
    }),
    output: Type.Object({ available: Type.Boolean() }),
  }),
  groupByHandle: route({ ...get, path: "/api/groups/handle/:handle", summary: "One public group.", output: Group }),
  joinByHandle: route({
    ...post,
    path: "/api/groups/handle/:handle/join",
    summary: "Joins a public group by its handle.",
    limit: "members",
    output: Group,
  }),
  /** Only admins may. What is absent or null stays. A private group has no handle. */
  editGroup: route({
    ...put,
    path: "/api/groups/:id",
    summary: "Changes a group, which only its admins may; what is absent or null stays.",
    limit: "groups",
    body: Type.Object(face),
    output: Group,
  }),
  joinGroup: route({
    ...post,
    path: "/api/groups/:id/join",
    summary: "Joins a public group.",
    limit: "members",
    output: Done,
  }),
  leaveGroup: route({
    ...post,
    path: "/api/groups/:id/leave",
    summary: "Leaves a group; without effect for somebody who is no member.",
    limit: "members",
    failure: "leave_group_failed",
    output: Done,
  }),
  groupMembers: route({
    ...get,
    path: "/api/groups/:id/members",
    summary: "The members of a group; of a private one only members may see them.",
    failure: "fetch_members_failed",
    output: Type.Array(FullUser),
  }),
  /** Only admins may. Adding a member and removing somebody who is none change nothing. */
  addMember: route({
    ...post,
    path: "/api/groups/:id/members",
    summary: "Adds a member, which only admins may.",
    limit: "members",
    body: Type.Object({ user_id: Whole }),
    output: Done,
  }),
  removeMember: route({
    ...remove,
    path: "/api/groups/:id/members/:user_id",
    summary: "Removes a member, which only admins may.",
    limit: "members",
    output: Done,
  }),
  /** Only admins may. The last admin stays one. */
  setRole: route({
    ...put,
    path: "/api/groups/:id/members/:user_id",
    summary: "Makes a member an admin or the reverse, which only admins may; the last admin stays one.",
    limit: "members",
    body: Type.Object({ role: GroupRole }),
    output: Done,
  }),
  createInvite: route({
    ...post,
    path: "/api/groups/:id/invite-links",
    summary: "Makes a link that admits to the group, which only admins may.",
    limit: "invites",
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
    summary: "The links of a group that still admit somebody, for its admins.",
    output: Type.Object({ invite_links: Type.Array(Invite) }),
  }),
  revokeInvite: route({
    ...remove,
    path: "/api/groups/:id/invite-links/:token",
    summary: "Ends a link, which only admins may.",
    output: Done,
  }),
  previewInvite: route({
    ...get,
    path: "/api/join/:token",
    summary: "What somebody who holds a link may know before joining.",
    limit: "names",
    auth: "none",
    output: InvitePreview,
  }),
  joinByInvite: route({
    ...post,
    path: "/api/join/:token",
    summary: "Joins the group of a link; a member gets the same answer.",
    limit: "members",
    output: Group,
  }),
} satisfies Record<string, Route>;
