import { Type } from "typebox";
import { User } from "./entities.ts";
import { Ok, route, type Route } from "./route.ts";

/** A blocked user's direct messages are not shown to the blocker, and the two see nothing of each other's presence and typing. */
export const blockRoutes = {
  block: route({
    method: "POST",
    path: "/api/users/block/:id",
    summary: "Blocks a user: their direct messages are no longer shown to me.",
    auth: "token",
    csrf: true,
    status: 200,
    output: Ok,
  }),
  unblock: route({
    method: "POST",
    path: "/api/users/unblock/:id",
    summary: "Ends a block.",
    auth: "token",
    csrf: true,
    status: 200,
    output: Ok,
  }),
  blocks: route({
    method: "GET",
    path: "/api/users/blocks",
    summary: "The users whom I have blocked.",
    auth: "token",
    csrf: false,
    status: 200,
    output: Type.Object({ users: Type.Array(User) }),
  }),
} satisfies Record<string, Route>;
