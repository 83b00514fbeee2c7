import { gzipSync } from "node:zlib";
import { limits } from "@om/protocol";

/** A frame's JSON text, encoded and compressed once however many sockets get it. */
export interface Frame {
  readonly text: string;
  readonly bytes: Buffer;
  /** A complete gzip member, or undefined when the text is short or gzip does not make it smaller. */
  readonly gzip: Buffer | undefined;
}

/** What some users' sockets are to be told; a hint, for the rows in PostgreSQL are the truth. */
export interface Push {
  userIds: readonly number[];
  frame: Frame;
  /** `resuming`: only sockets that resume by cursor, which follow what their user does elsewhere. */
  to: "all" | "resuming";
  /** Id of the socket that caused it and is answered otherwise. */
  except?: string | undefined;
  /** Set for a message to its recipients: what a socket needs to keep order while queued ones are still on their way. */
  message?: { conversationId: number; seq: number; id: number };
  /** A change of messages, which follows what is still on its way. */
  ordered?: boolean;
}

/**
 * A session that ended: its sockets, or all sockets of its user but those of one session, are closed for good. `allBut: undefined`
 * spares none; sockets whose token names no session are never spared.
 */
export interface SessionEnd {
  userId: number;
  ended: { sessionId: number } | { allBut: number | undefined };
  /** The sessions that ended: no node takes their access tokens any more. */
  sessionIds?: readonly number[];
}

class LazyFrame implements Frame {
  readonly text: string;
  #bytes: Buffer | undefined;
  #gzip: Buffer | undefined | "untried" = "untried";

  constructor(text: string) {
    this.text = text;
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(this.text);
    return this.#bytes;
  }

  get gzip(): Buffer | undefined {
    if (this.#gzip === "untried") {
      const packed = this.bytes.length > limits.gzipAboveBytes ? gzipSync(this.bytes, { level: 4 }) : undefined;
      this.#gzip = packed !== undefined && packed.length < this.bytes.length ? packed : undefined;
    }
    return this.#gzip;
  }
}

/** @param text JSON */
export function frameOf(text: string): Frame {
  return new LazyFrame(text);
}
