import { Type, type Static, type TSchema } from "typebox";
import type { ErrorCode } from "./errors.ts";
import {
  AuthAnswer,
  Conversation,
  ConversationId,
  Message,
  Nullable,
  RecentPeer,
  SyncRequest,
  SyncResult,
  Time,
  User,
} from "./entities.ts";

/**
 * One HTTP route. `auth`: who may call. `csrf`: a browser must prove that its own page asked (§3.5). `limit`: the rate-limit
 * bucket it draws from. `body`: a body that does not fit is `invalid_request_body`; query fields are text, for the use-case to
 * judge. `failure`: the code of a 500.
 */
export interface Route {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: `/${string}`;
  auth: "none" | "token";
  csrf: boolean;
  limit?: "auth" | "names";
  failure?: ErrorCode;
  status: 200 | 201;
  body?: TSchema;
  output: TSchema;
}

const route = <const R extends Route>(definition: R): R => definition;
const text = Type.String();
const optional = Type.Optional(Nullable(text));
const Ok = Type.Object({ ok: Type.Boolean() });
const UserAnswer = Type.Object({ user: User });
const Whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const routes = {
  // Accounts. All of /api/auth shares one rate-limit bucket.
  csrf: route({
    method: "GET",
    path: "/api/auth/csrf",
    auth: "none",
    csrf: false,
    limit: "auth",
    status: 200,
    output: Ok,
  }),
  register: route({
    method: "POST",
    path: "/api/auth/register",
    auth: "none",
    csrf: false,
    limit: "auth",
    status: 201,
    body: Type.Object({ username: optional, email: optional, password: optional, full_name: optional }),
    output: AuthAnswer,
  }),
  login: route({
    method: "POST",
    path: "/api/auth/login",
    auth: "none",
    csrf: false,
    limit: "auth",
    status: 200,
    body: Type.Object({ email: optional, password: optional }),
    output: AuthAnswer,
  }),
  refresh: route({
    method: "POST",
    path: "/api/auth/refresh",
    auth: "none",
    csrf: false,
    limit: "auth",
    status: 200,
    output: AuthAnswer,
  }),
  logout: route({
    method: "POST",
    path: "/api/auth/logout",
    auth: "none",
    csrf: true,
    limit: "auth",
    status: 200,
    output: Ok,
  }),
  checkUsername: route({
    method: "GET",
    path: "/api/users/check-username",
    auth: "none",
    csrf: false,
    limit: "names",
    status: 200,
    output: Type.Object({ available: Type.Boolean() }),
  }),
  me: route({
    method: "GET",
    path: "/api/users/me",
    auth: "token",
    csrf: false,
    status: 200,
    output: UserAnswer,
  }),
  updateMe: route({
    method: "PUT",
    path: "/api/users/me",
    auth: "token",
    csrf: true,
    status: 200,
    body: Type.Object({ username: optional, full_name: optional }),
    output: UserAnswer,
  }),
  searchUsers: route({
    method: "GET",
    path: "/api/users/search",
    auth: "token",
    csrf: false,
    status: 200,
    output: Type.Object({ users: Type.Array(User) }),
  }),
  user: route({
    method: "GET",
    path: "/api/users/:identifier",
    auth: "token",
    csrf: false,
    status: 200,
    output: UserAnswer,
  }),

  // Conversations
  conversations: route({
    method: "GET",
    path: "/api/conversations",
    auth: "token",
    csrf: false,
    failure: "fetch_conversations_failed",
    status: 200,
    output: Type.Object({
      conversations: Type.Array(Conversation),
      count: Whole,
      next_cursor_created_at: Type.Optional(Time),
      next_cursor_message_id: Type.Optional(Whole),
    }),
  }),
  peers: route({
    method: "GET",
    path: "/api/conversations/peers",
    auth: "token",
    csrf: false,
    failure: "fetch_recent_peers_failed",
    status: 200,
    output: Type.Object({ count: Whole, peers: Type.Array(RecentPeer) }),
  }),
  markRead: route({
    method: "POST",
    path: "/api/conversations/:peer_id/read",
    auth: "token",
    csrf: true,
    failure: "mark_conversation_read_failed",
    status: 200,
    output: Type.Object({ cleared: Whole, ok: Type.Boolean() }),
  }),
  /**
   * What changed in my conversations since `cursor` (absent: everything). Repeats are possible, omissions are not: compare `ver`.
   * `reset` tells that the cursor was of another installation or time line, so this is everything. With `next`, ask again with the
   * same `cursor` and `after=<next>`, and keep the `cursor` of the first answer.
   */
  changes: route({
    method: "GET",
    path: "/api/changes",
    auth: "token",
    csrf: false,
    status: 200,
    output: Type.Object({
      cursor: text,
      reset: Type.Boolean(),
      conversations: Type.Array(Conversation),
      next: Type.Optional(Whole),
    }),
  }),

  // Messages
  history: route({
    method: "GET",
    path: "/api/messages",
    auth: "token",
    csrf: false,
    failure: "fetch_messages_failed",
    status: 200,
    output: Type.Object({ count: Whole, messages: Type.Array(Message), next_cursor: Type.Optional(Whole) }),
  }),
  send: route({
    method: "POST",
    path: "/api/messages",
    auth: "token",
    csrf: true,
    failure: "send_message_failed",
    status: 201,
    body: Type.Object({
      recipient_id: Type.Optional(Nullable(Whole)),
      content: optional,
      message_type: optional,
      client_id: optional,
    }),
    output: Message,
  }),
  sync: route({
    method: "POST",
    path: "/api/messages/sync",
    auth: "token",
    csrf: true,
    failure: "sync_failed",
    status: 200,
    body: Type.Object({
      conversations: Type.Optional(Nullable(Type.Array(SyncRequest))),
      limit: Type.Optional(Nullable(Type.Integer())),
    }),
    output: Type.Object({ count: Whole, results: Type.Array(SyncResult) }),
  }),
  /** Messages of one conversation that changed after version `ver`, in the order of their last change; `next_ver` when there are more. */
  messageChanges: route({
    method: "GET",
    path: "/api/messages/changes",
    auth: "token",
    csrf: false,
    status: 200,
    output: Type.Object({
      conversation_id: ConversationId,
      messages: Type.Array(Message),
      next_ver: Type.Optional(Whole),
    }),
  }),
} satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
export type RouteBody<N extends RouteName> = (typeof routes)[N] extends { body: infer B extends TSchema }
  ? Static<B>
  : undefined;
export type RouteOutput<N extends RouteName> = Static<(typeof routes)[N]["output"]>;
