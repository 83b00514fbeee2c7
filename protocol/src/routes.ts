import type { Static, TSchema } from "typebox";
import { accountRoutes } from "./routes-accounts.ts";
import { conversationRoutes } from "./routes-conversations.ts";
import { mediaRoutes } from "./routes-media.ts";
import { messageRoutes } from "./routes-messages.ts";

export type { Route } from "./route.ts";

/** Every HTTP route by name. */
export const routes = { ...accountRoutes, ...conversationRoutes, ...messageRoutes, ...mediaRoutes };

export type RouteName = keyof typeof routes;
/** Routes that take a file. */
export type UploadRouteName = {
  [N in RouteName]: (typeof routes)[N] extends { upload: object } ? N : never;
}[RouteName];
/** Routes that answer with a file. */
export type FileRouteName = { [N in RouteName]: (typeof routes)[N] extends { file: true } ? N : never }[RouteName];
export type RouteBody<N extends RouteName> = (typeof routes)[N] extends { body: infer B extends TSchema }
  ? Static<B>
  : undefined;
export type RouteOutput<N extends RouteName> = Static<(typeof routes)[N]["output"]>;
