import type { Static, TSchema } from "typebox";
import { accountRoutes } from "./routes-accounts.ts";
import { conversationRoutes } from "./routes-conversations.ts";
import { messageRoutes } from "./routes-messages.ts";
import { releaseRoutes } from "./routes-releases.ts";
import { sessionRoutes } from "./routes-sessions.ts";

export type { Route } from "./route.ts";

/** Every HTTP route by name. */
export const routes = { ...accountRoutes, ...sessionRoutes, ...conversationRoutes, ...messageRoutes, ...releaseRoutes };

export type RouteName = keyof typeof routes;
export type RouteBody<N extends RouteName> = (typeof routes)[N] extends { body: infer B extends TSchema }
  ? Static<B>
  : undefined;
export type RouteOutput<N extends RouteName> = Static<(typeof routes)[N]["output"]>;
