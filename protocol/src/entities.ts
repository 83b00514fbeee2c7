import { Type, type Static, type TSchema } from "./typebox.ts";

/** `T` or `null`; the key is always present. */
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** The same schema with a note for the documentation; what a schema carries is not all enumerable, so it is copied by descriptor. */
export function noted<T extends TSchema>(schema: T, description: string): T {
  const parts = { ...Object.getOwnPropertyDescriptors(schema), description: { value: description, enumerable: true } };
  return Object.defineProperties({}, parts) as T;
}

export const Id = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: "A positive whole number that JavaScript holds exactly.",
});
const Count = Type.Integer({ minimum: 0 });
/** What a client sends as a number; PostgreSQL takes it as it is. */
export const Whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const Time = Type.String({
  pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$`,
  description: "RFC 3339 in UTC with 0 to 6 fraction digits: `2026-03-04T05:06:07.5Z`.",
});

export const ConversationId = Type.String({
  pattern: "^(user|group)_[0-9]+$",
  description: "`user_<peer id>` for a direct conversation as its receiver sees it, `group_<id>` for a group.",
});

/** The first web client finds a conversation under nothing else (wire contract O-3). */
export const MessageConversationId = Type.String({
  pattern: "^(user_[0-9]+(_[0-9]+)?|group_[0-9]+)$",
  description:
    "As the receiver of this JSON sees it; inside a direct message that is pushed to a socket which neither resumes nor asks for gzip it is `user_<low>_<high>`.",
});

export const Presence = Type.Literal("unknown", {
  description: "Only while the server cannot know whether this user is connected; `is_online` is false then.",
});

export const WhoMayAdd = Type.Enum(["everybody", "contacts", "nobody"]);
export type WhoMayAdd = Static<typeof WhoMayAdd>;

export const User = Type.Object({
  id: Id,
  username: Type.String(),
  email: noted(Type.String(), '`""` for everybody but oneself, unless the operator sets EXPOSE_EMAILS.'),
  full_name: Type.String(),
  avatar: Type.String(),
  role: Type.String(),
  is_online: Type.Boolean(),
  last_seen: Nullable(Time),
  presence: Type.Optional(Presence),
  is_blocked: Type.Optional(noted(Type.Boolean(), "Only true, and only when the viewer has blocked this user.")),
  who_may_add_me: Type.Optional(
    noted(
      WhoMayAdd,
      "Only of oneself, at /api/users/me: who may add me to groups; `contacts` are those to whom I have written and whose messages I have read.",
    ),
  ),
});
export type User = Static<typeof User>;

export const PeerUser = Type.Omit(User, ["role", "who_may_add_me"]);
export type PeerUser = Static<typeof PeerUser>;

export const Face = Type.Object(
  {
    id: Id,
    username: Type.String(),
    full_name: Type.String(),
    avatar: Type.String(),
    role: Type.String(),
    ver: noted(Count, "Rises with every change of the user; of two faces the higher one is the newer."),
  },
  { description: "What a user is called and looks like, the same for everybody." },
);
export type Face = Static<typeof Face>;

export const MessageType = Type.Enum(["text", "image", "file"]);
export type MessageType = Static<typeof MessageType>;

export const MessageStatus = Type.Enum(["pending", "sent", "delivered", "read"]);
export type MessageStatus = Static<typeof MessageStatus>;

export const Reaction = Type.Object(
  { emoji: Type.String(), user_ids: Type.Array(Id) },
  { description: "Who has given one emoji to a message; each person one, the first first." },
);
export type Reaction = Static<typeof Reaction>;

/** What a client may say of a message beside its text. */
export const draftExtras = {
  mentions: Type.Optional(Nullable(Type.Array(Whole, { maxItems: 1_000 }))),
  forward_of_id: Type.Optional(Nullable(Whole)),
};

const messageFields = {
  id: Id,
  client_id: Type.String(),
  sender_id: Id,
  recipient_id: Nullable(Id),
  group_id: Nullable(Id),
  content: Type.String(),
  message_type: MessageType,
  status: MessageStatus,
  is_delivered: Type.Boolean(),
  is_read: Type.Boolean(),
  created_at: Time,
  created_at_unix: Type.Integer(),
  conversation_id: MessageConversationId,
  seq: noted(Id, "Position in the conversation: 1, 2, 3 … without gaps."),
  ver: noted(Id, "Version of the conversation at this message's last change."),
  reply_to_id: Type.Optional(noted(Id, "The message that this one replies to.")),
  mentions: Type.Optional(noted(Type.Array(Id), "Whom it mentions, in a group; 50 at most.")),
  forwarded_from: Type.Optional(noted(Id, "Who wrote it first, of a message that was forwarded.")),
  reactions: Type.Optional(noted(Type.Array(Reaction), "Once there were any; not of a message that is replied to.")),
};

export const RepliedMessage = Type.Object(
  { ...messageFields, sender: User, version: Type.Integer() },
  { description: "The message replied to, as far as the viewer may see it; replies to replies are not nested." },
);
export type RepliedMessage = Static<typeof RepliedMessage>;

export const Message = Type.Object({
  ...messageFields,
  sender: User,
  version: noted(Type.Integer(), "1, raised by every edit."),
  reply_to: Type.Optional(RepliedMessage),
});
export type Message = Static<typeof Message>;

export const FoundMessage = Type.Object({
  message: Message,
  marks: noted(
    Type.Array(Type.Object({ from: Count, to: Count })),
    "Where in `content` what was searched for stands, in UTF-16 units, `to` not included; at most 50, ascending, apart.",
  ),
});
export type FoundMessage = Static<typeof FoundMessage>;

export const DeletedMessage = Type.Object(
  { id: Id, seq: Id, ver: Id },
  { description: "A message that was deleted for everybody; its place in the conversation stays." },
);
export type DeletedMessage = Static<typeof DeletedMessage>;

export const LastMessage = Type.Object({ ...messageFields, sender: PeerUser });
export type LastMessage = Static<typeof LastMessage>;

export const ConversationGroup = Type.Object({
  icon: Type.String(),
  id: Id,
  member_count: Count,
  name: Type.String(),
});

export const Position = Type.Object(
  { read_message_id: Count, delivered_message_id: Count },
  { description: "How far somebody has come in a conversation; message ids, 0 = nothing yet." },
);
export type Position = Static<typeof Position>;

export const ConversationSettings = Type.Object(
  {
    pinned: Type.Optional(Type.Boolean()),
    archived: Type.Optional(Type.Boolean()),
    muted_until: Type.Optional(noted(Time, "No notification of it before.")),
  },
  { description: "How somebody keeps a conversation, on all their devices; what is not there is as usual." },
);
export type ConversationSettings = Static<typeof ConversationSettings>;

export const Conversation = Type.Object({
  conversation_id: ConversationId,
  group: Nullable(ConversationGroup),
  last_activity: Time,
  last_message: Nullable(LastMessage),
  peer: Nullable(PeerUser),
  unread_count: Count,
  ver: noted(Count, "Raised by every change of the conversation: a message, an edit, a read or delivered position."),
  seq: noted(Count, "Number of messages ever sent in the conversation."),
  my_position: Position,
  peer_position: noted(Nullable(Position), "The other person's position; null for a group."),
  cleared_seq: noted(Count, "Messages up to this `seq` were deleted for the viewer."),
  mention_count: Type.Optional(noted(Count, "Unread messages of a group that mention the viewer, when there are any.")),
  settings: Type.Optional(noted(ConversationSettings, "Of the viewer, when there are any.")),
});
export type Conversation = Static<typeof Conversation>;

export const RecentPeer = Type.Object({ last_activity: Time, last_message_id: Id, peer: PeerUser });
export type RecentPeer = Static<typeof RecentPeer>;

export const AuthAnswer = Type.Object({ access_token: Type.String(), refresh_token: Type.String(), user: User });
export type AuthAnswer = Static<typeof AuthAnswer>;

export const SyncRequest = Type.Object({
  conversation_id: Type.Optional(Type.String()),
  last_message_id: Type.Optional(Whole),
});
export type SyncRequest = Static<typeof SyncRequest>;

export const SyncResult = Type.Object({
  conversation_id: Type.String(),
  has_more: Type.Boolean(),
  messages: Type.Array(Message),
  next_cursor: Type.Optional(Id),
});
export type SyncResult = Static<typeof SyncResult>;
