import { Type } from "./typebox.ts";
import { Id, noted, Nullable, Time, Whole } from "./entities.ts";
import { get, Ok, optionalText, post, put, remove, route, type Route, text } from "./route.ts";

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
    ...get,
    path: "/api/sessions",
    summary: "The caller's live sessions, the one used last first.",
    output: Type.Object({ sessions: Type.Array(Session) }),
  }),
  endSession: route({
    ...remove,
    path: "/api/sessions/:id",
    summary: "Ends one of the caller's sessions.",
    output: Ok,
  }),
  /** `ended`: how many. An access token that names no session spares none. */
  endOtherSessions: route({
    ...post,
    path: "/api/sessions/end-others",
    summary: "Ends all sessions of the caller but this one.",
    output: Type.Object({ ended: Whole }),
  }),
  /** Better than the access token in the address of /ws, which is logged on its way. `expires_in`: seconds. */
  ticket: route({
    ...post,
    path: "/api/sessions/ticket",
    summary: "A ticket that opens one WebSocket within 30 seconds, as `/ws?ticket=…`.",
    output: Type.Object({ ticket: text, expires_in: Whole }),
  }),
  changePassword: route({
    ...put,
    path: "/api/users/me/password",
    summary: "Changes the password and ends all other sessions.",
    limit: "passwords",
    body: Type.Object({ current_password: optionalText, new_password: optionalText }),
    output: Ok,
  }),
  /** Frees its name and e-mail address. */
  deleteAccount: route({
    ...post,
    path: "/api/users/me/delete",
    summary: "Closes the account for good; what it wrote and uploaded is erased after some time, by default 30 days.",
    limit: "passwords",
    body: Type.Object({
      password: optionalText,
      at_once: Type.Optional(noted(Nullable(Type.Boolean()), "Erase what I wrote and uploaded now.")),
    }),
    output: Ok,
  }),
} satisfies Record<string, Route>;
