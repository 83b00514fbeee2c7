import { Type } from "./typebox.ts";
import {
  ConversationId,
  DeletedMessage,
  draftExtras,
  FoundMessage,
  Id,
  Message,
  noted,
  Nullable,
  SyncRequest,
  SyncResult,
  Whole,
} from "./entities.ts";
import { limits } from "./limits.ts";
import { get, mayHave, Ok, optionalText, parameter, post, put, remove, route, text, type Route } from "./route.ts";

/** `ver`: the version of the conversation that the page shows; 0 when there is none. */
const HistoryPage = Type.Object({
  count: Whole,
  messages: Type.Array(Message),
  ver: Type.Optional(Whole),
  next_cursor: Type.Optional(Whole),
});

const page = {
  limit: mayHave("1 to 100, else 50."),
  cursor: mayHave("`next_cursor` of the page before: messages with smaller ids; 0: from the end."),
  around: mayHave("A message's id, in place of a cursor: half of the page is newer; what is newer still tells a sync."),
};
const draft = {
  content: optionalText,
  message_type: optionalText,
  client_id: optionalText,
  reply_to_id: Type.Optional(Nullable(Whole)),
  ...draftExtras,
};

export const messageRoutes = {
  history: route({
    ...get,
    path: "/api/messages",
    summary: "A page of the conversation with somebody, newest message first.",
    failure: "fetch_messages_failed",
    query: Type.Object({ recipient_id: parameter("The other person."), ...page }),
    output: HistoryPage,
  }),
  send: route({
    ...post,
    path: "/api/messages",
    summary: "Sends a message to somebody; with a known `client_id` it answers the stored one.",
    limit: "messages",
    failure: "send_message_failed",
    status: 201,
    body: Type.Object({ recipient_id: Type.Optional(Nullable(Whole)), ...draft }),
    bodyBytes: limits.messageBodyBytes,
    output: Message,
  }),
  sync: route({
    ...post,
    path: "/api/messages/sync",
    summary: "What came after the given messages in many conversations at once, oldest first.",
    limit: "syncs",
    failure: "sync_failed",
    body: Type.Object({
      conversations: Type.Optional(Nullable(Type.Array(SyncRequest))),
      limit: Type.Optional(Nullable(Type.Integer())),
    }),
    bodyBytes: limits.syncBodyBytes,
    output: Type.Object({ count: Whole, results: Type.Array(SyncResult) }),
  }),
  /**
   * A message fits when each word of `q` is the beginning of one of its own, whatever their case, accents, digits and forms of letters; where no
   * spaces are written, what stands anywhere in it. It is a POST so that what somebody looks for stands in no log of addresses.
   */
  searchMessages: route({
    ...post,
    path: "/api/messages/search",
    summary: "The messages with these words that I may see, newest first.",
    limit: "searches",
    body: Type.Object({
      q: optionalText,
      conversation_id: Type.Optional(Nullable(text)),
      limit: Type.Optional(Nullable(Type.Integer())),
      cursor: Type.Optional(Nullable(Whole)),
    }),
    output: Type.Object({
      results: Type.Array(FoundMessage),
      next_cursor: Type.Optional(noted(Whole, "There may be more: messages with smaller ids.")),
    }),
  }),
  /** Messages of one conversation that changed after version `ver`, in the order of their last change; `next_ver` when there are more. */
  messageChanges: route({
    ...get,
    path: "/api/messages/changes",
    summary: "The messages of one conversation that changed after a version.",
    query: Type.Object({
      conversation_id: parameter("`user_<id>`."),
      ver: mayHave("The version that is known; absent: from the beginning."),
      limit: mayHave("1 to 200, else 200."),
    }),
    output: Type.Object({
      conversation_id: ConversationId,
      messages: Type.Array(Message),
      deleted: noted(Type.Array(DeletedMessage), "Those of the same span that were deleted."),
      next_ver: Type.Optional(noted(Whole, "There is more after this version.")),
    }),
  }),
  /** Only the author may. Answers with the message as it is by now. */
  editMessage: route({
    ...put,
    path: "/api/messages/:id",
    summary: "Changes the text of my own message, and answers with it as it is by now.",
    limit: "messages",
    failure: "edit_message_failed",
    body: Type.Object({ content: optionalText }),
    bodyBytes: limits.messageBodyBytes,
    output: Message,
  }),
  /** For everybody. The author may, and in a group its admins. */
  deleteMessage: route({
    ...remove,
    path: "/api/messages/:id",
    summary: "Deletes a message for everybody; its author may, and in a group its admins.",
    limit: "messages",
    failure: "delete_message_failed",
    output: Ok,
  }),
  /** Whoever sees the message may, with one emoji each. Answers with the message as it is by now. */
  react: route({
    ...put,
    path: "/api/messages/:id/reaction",
    summary: "Reacts to a message with one emoji in place of the one before; null takes it back.",
    limit: "messages",
    body: Type.Object({ emoji: optionalText }),
    output: Message,
  }),
  /** Exact, in groups of any size; `next_cursor` when there are more readers. */
  receipts: route({
    ...get,
    path: "/api/messages/:id/receipts",
    summary: "Who has read a message, without its author and those with whom I have a block.",
    query: Type.Object({
      limit: mayHave("1 to 1000, else 100."),
      cursor: mayHave("`next_cursor` of the page before: readers with larger ids."),
    }),
    output: Type.Object({
      message_id: Id,
      read_count: noted(Whole, "All readers, on whatever page."),
      readers: noted(Type.Array(Id), "Ids of users, ascending."),
      next_cursor: Type.Optional(Id),
    }),
  }),

  // Groups
  groupHistory: route({
    ...get,
    path: "/api/groups/:id/messages",
    summary: "A page of the messages of a group, newest first.",
    failure: "fetch_messages_failed",
    query: Type.Object(page),
    output: HistoryPage,
  }),
  groupSend: route({
    ...post,
    path: "/api/groups/:id/messages",
    summary: "Sends a message to a group; with a known `client_id` it answers the stored one.",
    limit: "messages",
    failure: "send_message_failed",
    status: 201,
    body: Type.Object(draft),
    bodyBytes: limits.messageBodyBytes,
    output: Message,
  }),
  groupRead: route({
    ...post,
    path: "/api/groups/:id/read",
    summary: "Moves my read position in a group forward.",
    failure: "mark_group_read_failed",
    body: Type.Object({ last_read_message_id: Type.Optional(Nullable(Whole)) }),
    output: Type.Object({ last_read_message_id: Whole, latest_group_message_id: Whole, ok: Type.Boolean() }),
  }),
  /** Members who have read something; `[]` when nobody has. */
  groupReadState: route({
    ...get,
    path: "/api/groups/:id/read-state",
    summary: "How far the members of a group have read.",
    failure: "get_read_state_failed",
    output: Type.Object({
      members: Type.Array(Type.Object({ last_read_message_id: Whole, user_id: Id })),
      my_last_read_message_id: Whole,
    }),
  }),
  /** Deletes what the conversation holds for me; with `everyone=true` for everybody (in a group only an admin may). */
  deleteConversation: route({
    ...remove,
    path: "/api/conversations/:conversation_id",
    summary: "Deletes what the conversation holds, for me or for everybody.",
    limit: "messages",
    failure: "delete_conversation_failed",
    query: Type.Object({
      everyone: mayHave(
        "`true`: for everybody, which in a group only an admin may; whom the other has blocked deletes only for themselves.",
      ),
      at_once: mayHave("`true`: what nobody can see any more is erased now, not after some time, by default 30 days."),
    }),
    output: Ok,
  }),
} satisfies Record<string, Route>;
