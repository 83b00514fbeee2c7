import type { Conversation, ErrorFrame, Message } from "@om/protocol";
import type { Ack } from "./outbox.ts";

/** How far somebody has come in a conversation, told once per step forward. */
export interface PositionEvent {
  conversationId: string;
  userId: number;
  /** `read` is also delivered. */
  kind: "read" | "delivered";
  messageId: number;
}

/** What a connection tells. */
export interface ConnectionEvents {
  /** `ended`: it will not come back, because it was disposed of, the session is over or the server said so. */
  status: "connecting" | "live" | "offline" | "ended";
  /** A message new to this device, of others or of the own user elsewhere; once each, in order within a conversation. */
  message: Message;
  /** A message that changed after it was told. */
  updated: Message;
  position: PositionEvent;
  typing: { userId: number; isTyping: boolean };
  /** A conversation that changed while the device was away, after its new messages were told: the truth of its unread count. */
  conversation: Conversation;
  /** A message of this device is stored; once each. */
  acked: Ack;
  /** The server will not take something that this device sent. */
  refused: ErrorFrame;
  /** The server is another one or was restored from a copy: what was told before may not be there any more. */
  reset: undefined;
  /** Something failed and will be tried again. */
  trouble: unknown;
}
