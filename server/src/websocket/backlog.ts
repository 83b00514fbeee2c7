import type { BatchFrame, MessageFrame } from "@om/protocol";
import { limits } from "@om/protocol";
import type { Push } from "../delivery/push.ts";

/** A message that waited for its recipient. */
export interface BacklogMessage {
  frame: MessageFrame;
  conversationId: number;
}

/** The next waiting messages of a user, lowest ids first, above id `after`; at most `limits.batchFrames`. */
export type ReadBacklog = (userId: number, after: number) => Promise<BacklogMessage[]>;

/** Live messages that may be held back while the backlog is on its way. */
const maxHeld = 5_000;

interface Options {
  userId: number;
  /** The client negotiated gzip and understands `batch`. */
  batched: boolean;
  read: ReadBacklog;
  send(frame: BatchFrame | MessageFrame): void;
  /** Sends a live push. */
  forward(push: Push): void;
  /** Notes what a conversation's client has been sent. */
  sent(conversationId: number, messageId: number): void;
  pause(ms: number): Promise<void>;
  /** False once the socket is closed. */
  isOpen(): boolean;
  /** The client still has much to read. */
  isBusy(): boolean;
  overflow(): void;
}

/**
 * Brings one socket from its backlog to live pushes without loss, repetition or disorder: live messages are held until the backlog
 * is through, then those it did not contain follow.
 */
export function createBacklog(options: Options): { push(push: Push): void; run(): Promise<void> } {
  let held: Push[] | undefined = [];
  /** conversation → highest seq that went out with the backlog */
  const flushed = new Map<number, number>();

  async function run(): Promise<void> {
    for (let after = 0; options.isOpen();) {
      const page = await options.read(options.userId, after);
      sendPage(page);
      after = page.at(-1)?.frame.message.id ?? after;
      if (page.length < limits.batchFrames) break;
      do await options.pause(100);
      while (options.isOpen() && options.isBusy());
    }
    const late = held ?? [];
    held = undefined;
    for (const push of late) live(push);
  }

  function sendPage(page: BacklogMessage[]): void {
    if (page.length === 0 || !options.isOpen()) return;
    const frames = page.map(({ frame }) => frame);
    if (options.batched) options.send({ type: "batch", count: frames.length, messages: frames });
    else for (const frame of frames) options.send(frame);
    for (const { conversationId, frame } of page) {
      flushed.set(conversationId, frame.seq);
      options.sent(conversationId, frame.message.id);
    }
  }

  function live(push: Push): void {
    const { message } = push;
    if (message !== undefined && message.seq <= (flushed.get(message.conversationId) ?? 0)) return;
    options.forward(push);
    if (message !== undefined) options.sent(message.conversationId, message.id);
  }

  return {
    run,
    push(push) {
      if (held === undefined || push.message === undefined) live(push);
      else if (held.length < maxHeld) held.push(push);
      else options.overflow();
    },
  };
}
