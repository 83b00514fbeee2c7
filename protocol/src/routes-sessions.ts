import { Type } from "typebox";
import { Id, Time } from "./entities.ts";
import { Ok, optionalText, route, Whole, type Route } from "./route.ts";

/** One login on one device. `current`: the request came from it. */
const Session = Type.Object({
  id: Id,
  user_agent: Type.String(),
  created_at: Time,
  last_used_at: Time,
  current: Type.Boolean(),
});

/** The caller's own sessions, password and account. Sockets of a session that ends are closed with 4500. */
export const sessionRoutes = {
  sessions: route({
    method: "GET",
    path: "/api/sessions",
    summary: "The caller's live sessions, the one used last first.",
    auth: "token",
    csrf: false,
    status: 200,
    output: Type.Object({ sessions: Type.Array(Session) }),
  }),
  endSession: route({
    method: "DELETE",
    path: "/api/sessions/:id",
    summary: "Ends one of the caller's sessions.",
    auth: "token",
    csrf: true,
    status: 200,
    output: Ok,
  }),
  /** `ended`: how many. An access token that names no session spares none. */
  endOtherSessions: route({
    method: "POST",
    path: "/api/sessions/end-others",
    summary: "Ends all sessions of the caller but this one.",
    auth: "token",
    csrf: true,
    status: 200,
    output: Type.Object({ ended: Whole }),
  }),
  changePassword: route({
    method: "PUT",
    path: "/api/users/me/password",
    summary: "Changes the password and ends all other sessions.",
    auth: "token",
    csrf: true,
    status: 200,
    body: Type.Object({ current_password: optionalText, new_password: optionalText }),
    output: Ok,
  }),
  /** Frees its name and e-mail address. */
  deleteAccount: route({
    method: "POST",
    path: "/api/users/me/delete",
    summary: "Closes the account for good; what it wrote stays.",
    auth: "token",
    csrf: true,
    status: 200,
    body: Type.Object({ password: optionalText }),
    output: Ok,
  }),
} satisfies Record<string, Route>;
