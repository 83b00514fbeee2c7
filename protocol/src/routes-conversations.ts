import { Type } from "typebox";
import { Conversation, ConversationId, RecentPeer, Time } from "./entities.ts";
import { Ok, route, text, Whole, type Route } from "./route.ts";

export const conversationRoutes = {
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
      /** Groups that I am no longer in. */
      removed: Type.Array(ConversationId),
      next: Type.Optional(Whole),
    }),
  }),
  /** Deletes what the conversation holds for me; with `everyone=true` for everybody (in a group only an admin may). */
  deleteConversation: route({
    method: "DELETE",
    path: "/api/conversations/:conversation_id",
    auth: "token",
    csrf: true,
    failure: "delete_conversation_failed",
    status: 200,
    output: Ok,
  }),
} satisfies Record<string, Route>;
