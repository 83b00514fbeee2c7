import { Type } from "typebox";
import { AuthAnswer, Nullable, User, WhoMayAdd } from "./entities.ts";
import { get, mayHave, Ok, optionalText, parameter, post, put, route, type Route, UserAnswer } from "./route.ts";

/** All of /api/auth shares one rate-limit bucket but `refresh`, so that nobody who guesses passwords keeps others behind the same address from renewing. */
export const accountRoutes = {
  csrf: route({
    ...get,
    path: "/api/auth/csrf",
    summary: "Gives the browser a new `om_csrf` cookie.",
    auth: "none",
    limit: "auth",
    output: Ok,
  }),
  register: route({
    ...post,
    path: "/api/auth/register",
    summary: "Makes an account and logs in.",
    auth: "none",
    csrf: false,
    limit: "auth",
    status: 201,
    body: Type.Object({ username: optionalText, email: optionalText, password: optionalText, full_name: optionalText }),
    output: AuthAnswer,
  }),
  login: route({
    ...post,
    path: "/api/auth/login",
    summary: "Logs in with e-mail, or username in its place, and password.",
    auth: "none",
    csrf: false,
    limit: "auth",
    body: Type.Object({ email: optionalText, password: optionalText }),
    output: AuthAnswer,
  }),
  refresh: route({
    ...post,
    path: "/api/auth/refresh",
    summary: "Changes the refresh token of the cookie `om_refresh` for fresh tokens.",
    auth: "none",
    csrf: false,
    limit: "refresh",
    output: AuthAnswer,
  }),
  logout: route({
    ...post,
    path: "/api/auth/logout",
    summary: "Ends the session of the cookie `om_refresh` and clears the cookies.",
    auth: "none",
    limit: "auth",
    output: Ok,
  }),
  checkUsername: route({
    ...get,
    path: "/api/users/check-username",
    summary: "Whether a username is free.",
    auth: "none",
    limit: "names",
    query: Type.Object({ username: parameter("The name to look for.") }),
    output: Type.Object({ available: Type.Boolean() }),
  }),
  me: route({
    ...get,
    path: "/api/users/me",
    summary: "My own profile; a matching `If-None-Match` is answered with 304.",
    output: UserAnswer,
  }),
  updateMe: route({
    ...put,
    path: "/api/users/me",
    summary: "Changes my username, full name or who may add me to groups; an empty or absent field stays as it is.",
    body: Type.Object({
      username: optionalText,
      full_name: optionalText,
      who_may_add_me: Type.Optional(Nullable(WhoMayAdd)),
    }),
    output: UserAnswer,
  }),
  searchUsers: route({
    ...get,
    path: "/api/users/search",
    summary: "Users whose username or full name contains a text.",
    limit: "searches",
    query: Type.Object({ q: parameter("What to look for."), limit: mayHave("1 to 50, else 20.") }),
    output: Type.Object({ users: Type.Array(User) }),
  }),
  user: route({
    ...get,
    path: "/api/users/:identifier",
    summary: "One user: all digits are an id, anything else is a username.",
    output: UserAnswer,
  }),
} satisfies Record<string, Route>;
