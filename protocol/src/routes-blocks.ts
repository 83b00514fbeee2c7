import { Type } from "./typebox.ts";
import { User } from "./entities.ts";
import { get, Ok, post, route, type Route } from "./route.ts";

/** A blocked user's direct messages are not shown to the blocker, and the two see nothing of each other's presence and typing. */
export const blockRoutes = {
  block: route({
    ...post,
    path: "/api/users/block/:id",
    summary: "Blocks a user: their direct messages are no longer shown to me.",
    output: Ok,
  }),
  unblock: route({
    ...post,
    path: "/api/users/unblock/:id",
    summary: "Ends a block.",
    output: Ok,
  }),
  blocks: route({
    ...get,
    path: "/api/users/blocks",
    summary: "The users whom I have blocked.",
    output: Type.Object({ users: Type.Array(User) }),
  }),
} satisfies Record<string, Route>;
