import { Type, type Static } from "./typebox.ts";
import {
  ConversationId,
  ConversationSettings,
  draftExtras,
  Face,
  Id,
  Message,
  MessageConversationId,
  MessageStatus,
  noted,
  Nullable,
  SyncRequest,
  Whole,
} from "./entities.ts";
import { FrameErrorCode } from "./errors.ts";

const Text = Type.String();
/** Go's zero values: an absent or null field is 0, "" or false. */
const Zero = <T extends typeof Text | typeof Whole | ReturnType<typeof Type.Boolean>>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]));

/** What a client may send: name → payload schema. Extra keys are ignored; `payload: null` means `{}`. */
export const inboundFrames = {
  ping: Type.Unknown(),
  pong: Type.Unknown(),
  chat: Type.Object({
    client_id: Zero(Text),
    recipient_id: Zero(Whole),
    group_id: Zero(Whole),
    content: Zero(Text),
    message_type: Zero(Text),
    reply_to_id: Zero(Whole),
    ...draftExtras,
  }),
  ack: Type.Object({ server_id: Zero(Whole), status: Zero(Text) }),
  delivery: Type.Object({ message_id: Zero(Whole) }),
  read: Type.Object({ message_id: Zero(Whole) }),
  typing: Type.Object({ recipient_id: Zero(Whole), group_id: Zero(Whole), is_typing: Zero(Type.Boolean()) }),
  group_read: Type.Object({ group_id: Zero(Whole), last_read_message_id: Zero(Whole) }),
  sync: Type.Object({ conversations: Type.Optional(Type.Union([Type.Array(SyncRequest), Type.Null()])) }),
};
export type InboundType = keyof typeof inboundFrames;
export type InboundPayload<T extends InboundType> = Static<(typeof inboundFrames)[T]>;

/** Where an event stands in its conversation, so that a client can see a gap: versions of one conversation are contiguous. */
const versioned = { conversation_id: ConversationId, ver: Whole, seq: Whole };

const AckPayload = Type.Object({
  client_id: Text,
  server_id: Id,
  status: MessageStatus,
  created_at_unix: Type.Integer(),
  ...versioned,
});

/** Repeats its payload at the top level for the web client, which reads it there. */
export const AckFrame = Type.Interface([AckPayload], { type: Type.Literal("ack"), payload: AckPayload });
export type AckFrame = Static<typeof AckFrame>;

export const MessageFrame = Type.Object({ type: Type.Literal("message"), message: Message, ...versioned });
export type MessageFrame = Static<typeof MessageFrame>;

export const TypingFrame = Type.Object({
  type: Type.Literal("typing"),
  sender_id: Id,
  is_typing: Type.Boolean(),
  timestamp: Type.Integer(),
  conversation_id: Type.Optional(noted(ConversationId, "Only in a group.")),
});
export type TypingFrame = Static<typeof TypingFrame>;

/** `user_id` has read the conversation up to `last_read_message_id`. */
export const ReadUpdateFrame = Type.Object({
  type: Type.Literal("read_update"),
  user_id: Id,
  last_read_message_id: Whole,
  ...versioned,
});
export type ReadUpdateFrame = Static<typeof ReadUpdateFrame>;

/** `user_id`'s devices have received the conversation up to `last_delivered_message_id`. */
export const DeliveryUpdateFrame = Type.Object({
  type: Type.Literal("delivery_update"),
  user_id: Id,
  last_delivered_message_id: Whole,
  ...versioned,
});
export type DeliveryUpdateFrame = Static<typeof DeliveryUpdateFrame>;

/**
 * `user_id` has read the group up to `last_read_message_id`; not a change of the conversation, so it has no version. In a group of more than 100
 * members it comes about once a second, of one who is furthest of those who have read since.
 */
export const GroupReadUpdateFrame = Type.Object({
  type: Type.Literal("group_read_update"),
  group_id: Id,
  last_read_message_id: Whole,
  user_id: Id,
});
export type GroupReadUpdateFrame = Static<typeof GroupReadUpdateFrame>;

/** A message was edited. */
export const MessageEditFrame = Type.Object({ type: Type.Literal("message_edit"), message: Message, ...versioned });
export type MessageEditFrame = Static<typeof MessageEditFrame>;

/** `user_id` has reacted to a message with another emoji; null: took it back. */
export const ReactionUpdateFrame = Type.Object({
  type: Type.Literal("reaction_update"),
  user_id: Id,
  emoji: Nullable(Text),
  message: Message,
  ...versioned,
});
export type ReactionUpdateFrame = Static<typeof ReactionUpdateFrame>;

/** A message was deleted for everybody. */
export const MessageDeleteFrame = Type.Object({
  type: Type.Literal("message_delete"),
  message: Type.Object({
    id: Id,
    sender_id: Id,
    recipient_id: Nullable(Id),
    group_id: Nullable(Id),
    conversation_id: MessageConversationId,
  }),
  ...versioned,
});
export type MessageDeleteFrame = Static<typeof MessageDeleteFrame>;

/** What the conversation held up to `seq` was deleted for the receiver, or the receiver is no longer in the group. */
export const ConversationDeleteFrame = Type.Object({ type: Type.Literal("conversation_delete"), ...versioned });
export type ConversationDeleteFrame = Static<typeof ConversationDeleteFrame>;

/** Name, icon or members of a group changed. */
export const GroupUpdateFrame = Type.Object({ type: Type.Literal("group_update"), ...versioned });
export type GroupUpdateFrame = Static<typeof GroupUpdateFrame>;

/** Somebody with whom the receiver has a direct conversation came or went. */
export const UserStatusFrame = Type.Object({
  type: Type.Literal("user_status"),
  user_id: Id,
  is_online: Type.Boolean(),
});
export type UserStatusFrame = Static<typeof UserStatusFrame>;

/** Somebody whom the receiver knows, or the receiver, has another name, picture or role. */
export const UserUpdateFrame = Type.Object({ type: Type.Literal("user_update"), user: Face });
export type UserUpdateFrame = Static<typeof UserUpdateFrame>;

/** The receiver has blocked somebody, or ended the block, perhaps on another device. */
export const BlockUpdateFrame = Type.Object({
  type: Type.Literal("block_update"),
  user_id: Id,
  is_blocked: Type.Boolean(),
});
export type BlockUpdateFrame = Static<typeof BlockUpdateFrame>;

/** The receiver keeps a conversation otherwise than before, perhaps by another device. */
export const SettingsUpdateFrame = Type.Object({
  type: Type.Literal("settings_update"),
  conversation_id: ConversationId,
  settings: ConversationSettings,
});
export type SettingsUpdateFrame = Static<typeof SettingsUpdateFrame>;

export const SyncResponseFrame = Type.Object({
  type: Type.Literal("sync_response"),
  conversation_id: Text,
  messages: Type.Array(Message),
  has_more: Type.Boolean(),
  next_cursor: Type.Optional(Id),
});
export type SyncResponseFrame = Static<typeof SyncResponseFrame>;

/** Messages that waited for a client that negotiated gzip; others get them one by one. */
export const BatchFrame = Type.Object({
  type: Type.Literal("batch"),
  count: Whole,
  messages: Type.Array(MessageFrame),
});
export type BatchFrame = Static<typeof BatchFrame>;

export const PongFrame = Type.Object({ type: Type.Literal("pong") });
export type PongFrame = Static<typeof PongFrame>;

export const ErrorFrame = Type.Object({
  type: Type.Literal("error"),
  error: Text,
  /** One of the closed list; a client takes any text, for servers newer than itself. */
  code: Type.Unsafe<string>(FrameErrorCode),
  details: Type.Optional(Text),
  client_id: Type.Optional(noted(Text, "Of the `chat` that was refused.")),
});
export type ErrorFrame = Static<typeof ErrorFrame>;

/** Everything the server may send. */
export const OutboundFrame = Type.Union([
  AckFrame,
  MessageFrame,
  TypingFrame,
  ReadUpdateFrame,
  DeliveryUpdateFrame,
  GroupReadUpdateFrame,
  MessageEditFrame,
  ReactionUpdateFrame,
  MessageDeleteFrame,
  ConversationDeleteFrame,
  GroupUpdateFrame,
  UserStatusFrame,
  UserUpdateFrame,
  BlockUpdateFrame,
  SettingsUpdateFrame,
  SyncResponseFrame,
  BatchFrame,
  PongFrame,
  ErrorFrame,
]);
export type OutboundFrame = Static<typeof OutboundFrame>;

/** Answers and courtesies: whoever was away never hears of them. All other frames tell of a change, and `GET /api/changes` tells it again. */
export type PassingType = "ack" | "typing" | "user_status" | "sync_response" | "batch" | "pong" | "error";
/** The kinds of change that a client which comes back learns of. */
export type ResumedType = Exclude<OutboundFrame["type"], PassingType>;

/**
 * Query of the upgrade request on `/ws`. `gzip=1`: large pushes come as gzip binary frames and queued ones as `batch`.
 * `resume=1`: the client catches up by cursor (`GET /api/changes`), so no queue is flushed, and it also gets what its user does
 * on other devices: own messages, own read and delivered positions, blocks. Only such sockets get `group_update`, `user_update`,
 * `block_update`, `reaction_update` and `settings_update`.
 */
export const wsQuery = { token: "token", ticket: "ticket", gzip: "gzip", resume: "resume" } as const;
