import type { InboundPayload, InboundType, OutboundFrame } from "@om/protocol";
import type { Caller } from "./caller.ts";

/** Who sent a frame and by which socket; `reply` answers on that socket only, with a frame or the JSON of one. */
export interface FrameSource {
  readonly caller: Caller;
  /** Of the socket. */
  readonly id: string;
  /** Its client catches up by cursor and knows every frame and error; others are what came before. */
  readonly resuming: boolean;
  /** What is to be done when it has closed, at once if it has. */
  onClose(run: () => Promise<void>): void;
  reply(frame: OutboundFrame | string): void;
  /** Resolves when the socket's client has read most of what it was sent. */
  ready(): Promise<void>;
}

/**
 * One handler per inbound frame type; a forgotten one is a compile error.
 * @throws FrameRefusal to answer with an error frame
 */
export type FrameHandlers = {
  [T in InboundType]: (source: FrameSource, payload: InboundPayload<T>) => Promise<void> | void;
};
