import { Type } from "./typebox.ts";
import { noted, Nullable, Id } from "./entities.ts";
import { Account, Act, Invitation, Role } from "./entities-people.ts";
import { get, mayHave, Ok, optionalText, post, put, remove, route, type Route, text } from "./route.ts";

const AccountAnswer = Type.Object({ account: Account });
const person = "/api/admin/users/:id";

/** For those who look after people. Whose role does not allow it is told `not_allowed`, whomever it is about. */
export const administrationRoutes = {
  accounts: route({
    ...get,
    path: "/api/admin/users",
    summary: "People, by id; moderators see no e-mail addresses.",
    query: Type.Object({
      q: mayHave("Part of a username, full name or e-mail address."),
      state: mayHave("open, waiting or disabled."),
      role: mayHave("administrator, moderator, user or bot."),
      after: mayHave("The last id of the page before."),
      limit: mayHave("1 to 100, else 50."),
    }),
    output: Type.Object({ accounts: Type.Array(Account) }),
  }),
  account: route({ ...get, path: person, summary: "One of them.", output: AccountAnswer }),
  setAccountState: route({
    ...put,
    path: `${person}/state`,
    summary: "Lets somebody in, or shuts somebody out, whose sessions end on all devices at once.",
    body: Type.Object({ state: Type.Enum(["open", "disabled"]) }),
    output: AccountAnswer,
  }),
  setAccountRole: route({
    ...put,
    path: `${person}/role`,
    summary: "By an administrator: gives somebody a role.",
    body: Type.Object({ role: Role }),
    output: AccountAnswer,
  }),
  signOutAccount: route({
    ...post,
    path: `${person}/sign-out`,
    summary: "Ends all sessions of somebody.",
    output: Ok,
  }),
  makeResetLink: route({
    ...post,
    path: `${person}/reset-link`,
    summary: "By an administrator: a link by which somebody sets a new password, once, within 30 minutes.",
    output: Type.Object({ token: text, path: text, url: text }),
  }),
  deleteAccountOf: route({
    ...remove,
    path: person,
    summary: "By an administrator: closes an account for good, as its owner can.",
    output: Ok,
  }),
  invitations: route({
    ...get,
    path: "/api/admin/invites",
    summary: "By an administrator: invitations that still let somebody in, the newest first.",
    output: Type.Object({ invitations: Type.Array(Invitation) }),
  }),
  makeInvitation: route({
    ...post,
    path: "/api/admin/invites",
    summary: "By an administrator: a link by which people make accounts.",
    status: 201,
    body: Type.Object({
      note: optionalText,
      expires_in_seconds: Type.Optional(noted(Nullable(Type.Integer()), "Absent, null or below 1: seven days.")),
      max_uses: Type.Optional(
        noted(Nullable(Type.Integer({ minimum: 1, maximum: 1_000_000 })), "Absent: 1; null: any number."),
      ),
      group_id: Type.Optional(noted(Nullable(Id), "A group that is joined with it.")),
    }),
    output: Type.Object({ invitation: Invitation, token: text, path: text, url: text }),
  }),
  revokeInvitation: route({
    ...remove,
    path: "/api/admin/invites/:id",
    summary: "By an administrator: ends an invitation.",
    output: Ok,
  }),
  acts: route({
    ...get,
    path: "/api/admin/audit",
    summary: "By an administrator: what those in charge did, the newest first.",
    query: Type.Object({
      user_id: mayHave("Somebody who did it, or to whom it was done."),
      before: mayHave("The last id of the page before."),
      limit: mayHave("1 to 100, else 50."),
    }),
    output: Type.Object({ acts: Type.Array(Act) }),
  }),
} satisfies Record<string, Route>;
