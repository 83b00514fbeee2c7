import type { Static, TSchema } from "./typebox.ts";
import { accountRoutes } from "./routes-accounts.ts";
import { administrationRoutes } from "./routes-administration.ts";
import { blockRoutes } from "./routes-blocks.ts";
import { conversationRoutes } from "./routes-conversations.ts";
import { groupRoutes } from "./routes-groups.ts";
import { mediaRoutes } from "./routes-media.ts";
import { messageRoutes } from "./routes-messages.ts";
import { releaseRoutes } from "./routes-releases.ts";
import { sessionRoutes } from "./routes-sessions.ts";

export { maxBodyBytes, type Route, type UserLimit } from "./route.ts";

/** The routes of each feature, in the order of the documentation. */
export const features = {
  accounts: accountRoutes,
  sessions: sessionRoutes,
  blocks: blockRoutes,
  conversations: conversationRoutes,
  messages: messageRoutes,
  groups: groupRoutes,
  media: mediaRoutes,
  releases: releaseRoutes,
  administration: administrationRoutes,
};

/** Every HTTP route by name. */
export const routes = {
  ...features.accounts,
  ...features.sessions,
  ...features.blocks,
  ...features.conversations,
  ...features.messages,
  ...features.groups,
  ...features.media,
  ...features.releases,
  ...features.administration,
};

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
/** The parameters that a route describes, as text; undefined when it describes none. */
export type RouteQuery<N extends RouteName> = (typeof routes)[N] extends { query: infer Q extends TSchema }
  ? { [K in keyof Static<Q>]?: string | undefined }
  : undefined;
export type RouteOutput<N extends RouteName> = Static<(typeof routes)[N]["output"]>;
/** `/api/groups/:id/members/:user_id` → `"id" | "user_id"`; `"*"` stands for the rest of a path that ends in it. */
type ParamNames<Path extends string> = Path extends `${string}/:${infer Name}/${infer Rest}`
  ? Name | ParamNames<`/${Rest}`>
  : Path extends `${string}/:${infer Name}`
    ? Name
    : Path extends `${string}/*`
      ? "*"
      : never;
export type RouteParams<N extends RouteName> = Record<ParamNames<(typeof routes)[N]["path"]>, string>;
