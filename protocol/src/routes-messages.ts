import { Type } from "typebox";
import { ConversationId, Message, Nullable, SyncRequest, SyncResult } from "./entities.ts";
import { optionalText, route, Whole, type Route } from "./route.ts";

export const messageRoutes = {
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
      content: optionalText,
      message_type: optionalText,
      client_id: optionalText,
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
