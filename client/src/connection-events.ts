import type { Conversation, ConversationSettings, ErrorFrame, Face, GroupChange, Message } from "@om/protocol";
import type { Ack } from "./outbox.ts";

/** How far somebody has come in a conversation, emitted once per step forward. */
export interface PositionEvent {
  conversationId: string;
  userId: number;
  /** `read` is also delivered. */
  kind: "read" | "delivered";
  messageId: number;
}

/** What the conversation held up to `seq` is not there any more for the user. */
export interface ClearedEvent {
  conversationId: string;
  seq: number;
}

/** What a connection tells. */
export interface ConnectionEvents {
  /** `ended`: it will not come back, because it was disposed of, the session is over or the server said so. */
  status: "connecting" | "live" | "offline" | "ended";
  /** A message new to this device, of others or of the own user elsewhere; once each, in order within a conversation. */
  message: Message;
  /** A message that changed after it was emitted: another text, other reactions. */
  updated: Message;
  /** A message that was deleted after it was emitted; of one that was not, nothing is emitted. */
  deleted: { conversationId: string; messageId: number };
  cleared: ClearedEvent;
  /** The user is no longer in this group. */
  left: { conversationId: string };
  /** Name, icon or members of a group changed; `conversation` follows, and this once more with what changed. */
  group: { conversationId: string; change?: GroupChange };
  /** Somebody whom the user knows, or the user, has another name, picture or role. */
  user: Face;
  /** Any user may have another name, picture or role by now: ask anew for those that are shown. */
  users: undefined;
  /** All whom the user has blocked: when it is first known, and when it changed. */
  blocked: { userIds: readonly number[] };
  /** The user keeps a conversation otherwise, perhaps by another device; what changed meanwhile `conversation` shows. */
  settings: { conversationId: string; settings: ConversationSettings };
  /** Of a group only read positions are emitted. */
  position: PositionEvent;
  typing: { conversationId: string; userId: number; isTyping: boolean };
  /** Somebody with whom the user has a direct conversation went online or offline. */
  presence: { userId: number; isOnline: boolean };
  /** A conversation that was read from the server, after its new messages were emitted: the truth of its unread count. */
  conversation: Conversation;
  /** A message of this device is stored; once each. */
  acked: Ack;
  /** The server will not take something that this device sent. */
  refused: ErrorFrame;
  /** The server is another one or was restored from a copy: what was emitted before may not be there any more. */
  reset: undefined;
  /** Something failed and will be tried again. */
  error: unknown;
}
