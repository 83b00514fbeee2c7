import { Type } from "./typebox.ts";
import { GroupChange } from "./entities-groups.ts";
import {
  Conversation,
  ConversationId,
  ConversationSettings,
  Face,
  Id,
  noted,
  Nullable,
  RecentPeer,
  Time,
  Whole,
} from "./entities.ts";
import { get, mayHave, optionalText, post, put, route, type Route, text } from "./route.ts";

export const conversationRoutes = {
  conversations: route({
    ...get,
    path: "/api/conversations",
    summary: "A page of my conversations, newest activity first.",
    failure: "fetch_conversations_failed",
    query: Type.Object({
      limit: mayHave("1 to 100, else 50."),
      cursor_created_at: mayHave("`next_cursor_created_at` of the page before."),
      cursor_message_id: mayHave("`next_cursor_message_id` of the page before; needed with the other."),
    }),
    output: Type.Object({
      conversations: Type.Array(Conversation),
      count: Whole,
      list_ver: Type.Optional(
        noted(Whole, "Version of my list, with its first page: it rises with every change of it."),
      ),
      next_cursor_created_at: Type.Optional(Time),
      next_cursor_message_id: Type.Optional(Whole),
    }),
  }),
  peers: route({
    ...get,
    path: "/api/conversations/peers",
    summary: "The people I wrote with, newest first.",
    failure: "fetch_recent_peers_failed",
    query: Type.Object({ limit: mayHave("1 to 100, else 50.") }),
    output: Type.Object({ count: Whole, peers: Type.Array(RecentPeer) }),
  }),
  markRead: route({
    ...post,
    path: "/api/conversations/:peer_id/read",
    summary: "Marks everything that this person wrote to me as read.",
    failure: "mark_conversation_read_failed",
    output: Type.Object({ cleared: Whole, ok: Type.Boolean() }),
  }),
  /**
   * What changed in my conversations since `cursor` (absent: everything). Repeats are possible, omissions are not: compare `ver`.
   * `reset` tells that the cursor was of another installation or time line, so this is everything. With `next`, ask again with the
   * same `cursor` and `after=<next>`, and keep the `cursor` of the first answer, which alone has `removed`, `users` and `blocked`.
   */
  changes: route({
    ...get,
    path: "/api/changes",
    summary: "The conversations that changed since a cursor.",
    query: Type.Object({
      cursor: mayHave("`cursor` of an earlier answer; absent: everything."),
      after: mayHave("`next` of the page before."),
      limit: mayHave("1 to 500, else 500."),
    }),
    output: Type.Object({
      cursor: text,
      reset: noted(Type.Boolean(), "The cursor was of another installation or time line, so this is everything."),
      conversations: Type.Array(Conversation),
      rewound: Type.Optional(
        noted(
          Type.Array(Type.Object({ conversation_id: ConversationId, ver: Whole, seq: Whole })),
          "With `reset`: conversations of which changes after `ver` and messages after `seq` may be others than before. What is known beyond is to be read again.",
        ),
      ),
      removed: noted(Type.Array(ConversationId), "Groups that I am no longer in."),
      groups: Type.Optional(
        noted(Type.Array(GroupChange), "Of the groups among `conversations` those in which not only messages changed."),
      ),
      users: Type.Optional(
        noted(
          Nullable(Type.Array(Face)),
          "Whom I know and who changed; null: too many, or this is everything, so ask anew for those you show.",
        ),
      ),
      blocked: Type.Optional(noted(Type.Array(Id), "All whom I have blocked, if that changed.")),
      next: Type.Optional(noted(Whole, "Ask again with the same `cursor` and this as `after`; keep this `cursor`.")),
    }),
  }),
  /** What is not said stays as it is; null is as usual. */
  keepConversation: route({
    ...put,
    path: "/api/conversations/:conversation_id/settings",
    summary: "Pins, archives or mutes a conversation for me, on all my devices.",
    body: Type.Object({
      pinned: Type.Optional(Nullable(Type.Boolean())),
      archived: Type.Optional(Nullable(Type.Boolean())),
      muted_until: optionalText,
    }),
    output: Type.Object({ conversation_id: ConversationId, settings: ConversationSettings }),
  }),
  unread: route({
    ...get,
    path: "/api/conversations/:conversation_id/unread",
    summary: "How many messages of a conversation I have not read.",
    failure: "fetch_conversations_failed",
    output: Type.Object({ conversation_id: ConversationId, unread_count: Whole, ver: Whole }),
  }),
} satisfies Record<string, Route>;
