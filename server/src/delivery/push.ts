import { gzipSync } from "node:zlib";
import { limits, type OutboundFrame } from "@om/protocol";
import { websocketFrame } from "../platform/websocket-frame.ts";

/** A frame's JSON text, made when somebody needs it, and encoded and compressed once however many sockets get it. */
export class Frame {
  #text: string | (() => string);
  #plain: Buffer | undefined;
  #packed: Buffer | undefined;
  #paired: Buffer | undefined;

  constructor(text: string | (() => string)) {
    this.#text = text;
  }

  get text(): string {
    if (typeof this.#text === "function") this.#text = this.#text();
    return this.#text;
  }

  /** The WebSocket frame: text, or binary with a complete gzip member where that is asked for, the text is long and gzip makes it smaller. */
  bytes(gzip: boolean): Buffer {
    if (gzip) return (this.#packed ??= this.#gzip() ?? this.bytes(false));
    return (this.#plain ??= websocketFrame("text", this.text));
  }

  /** Text, for sockets of clients that came before resuming and gzip: direct messages name their conversation by both users. */
  pairedBytes(): Buffer {
    return (this.#paired ??= this.#pair());
  }

  #pair(): Buffer {
    // No text in JSON has a quote that is not escaped, so this is of a group.
    const isDirect = this.text.startsWith('{"type":"message') && !this.text.includes('"recipient_id":null');
    return isDirect
      ? websocketFrame("text", JSON.stringify(withPairId(JSON.parse(this.text) as OutboundFrame)))
      : this.bytes(false);
  }

  #gzip(): Buffer | undefined {
    const bytes = Buffer.from(this.text);
    const packed = bytes.length > limits.gzipAboveBytes ? gzipSync(bytes, { level: 4 }) : bytes;
    return packed.length < bytes.length ? websocketFrame("binary", packed) : undefined;
  }
}

/** `user_<low>_<high>` as the conversation inside a direct message (wire contract O-3). */
export function withPairId(frame: OutboundFrame): OutboundFrame {
  if (!("message" in frame) || frame.message.recipient_id === null) return frame;
  const { sender_id: a, recipient_id: b } = frame.message;
  const conversation_id = `user_${Math.min(a, b)}_${Math.max(a, b)}`;
  return { ...frame, message: { ...frame.message, conversation_id } } as OutboundFrame;
}

export const frameOf = (make: () => OutboundFrame): Frame => new Frame(() => JSON.stringify(make()));

/** What some users' sockets are to be told; a hint, for the rows in PostgreSQL are the truth. */
export interface Push {
  userIds: readonly number[];
  frame: Frame;
  /** `resuming`: only sockets that resume by cursor, which follow what their user does elsewhere. */
  to: "all" | "resuming";
  /** Id of the socket that caused it and is answered otherwise. */
  except?: string | undefined;
  /** Set for a message: what a socket needs to keep order while queued ones are still on their way, and a node to know what it was told. */
  message?: { conversationId: number; seq: number; id: number };
  /** A change of messages, which follows what is still on its way. */
  ordered?: boolean;
  /** Only for sockets that were opened before, in ms since 1970; stays on this node. */
  openedBefore?: number;
}

/**
 * A session that ended: its sockets, or all sockets of its user but those of one session, are closed for good. `exceptSessionId: undefined`
 * spares none; sockets whose token names no session are never spared.
 */
export interface SessionEnd {
  userId: number;
  ended: { sessionId: number } | { exceptSessionId: number | undefined };
  /** The sessions that ended: no node takes their access tokens any more. */
  sessionIds?: readonly number[];
}

/** Who is told of a change: others on all devices, whoever made it on those that follow by cursor, but for one socket. */
export interface Audience {
  others: readonly number[];
  byId: number;
  /** Of a group, whose members all see the same frame. */
  shared: boolean;
  /** Who see one of their own even so. */
  apart?: readonly number[];
  except?: string | undefined;
}

/**
 * @param frameFor the frame as a viewer sees it; made once for a group
 * @param more what nodes and devices must know of it
 */
export function pushesTo(
  { others, byId, shared, except, apart = [] }: Audience,
  frameFor: (viewerId: number) => OutboundFrame,
  more: Pick<Push, "message" | "ordered"> & { to?: Push["to"] } = {},
): Push[] {
  const own = frameOf(() => frameFor(byId));
  const together = shared ? others.filter((userId) => !apart.includes(userId)) : [];
  const alone = shared ? others.filter((userId) => apart.includes(userId)) : others;
  const toOthers: Push[] = alone.map((userId) => ({
    userIds: [userId],
    frame: frameOf(() => frameFor(userId)),
    to: "all",
    ...more,
  }));
  if (shared) toOthers.push({ userIds: together, frame: own, to: "all", ...more });
  return [...toOthers, { userIds: [byId], frame: own, to: "resuming", except, ...more }];
}
