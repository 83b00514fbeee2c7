import type {
  BatchFrame,
  ConversationDeleteFrame,
  MessageDeleteFrame,
  MessageEditFrame,
  MessageFrame,
} from "@om/protocol";
import { limits } from "@om/protocol";
import type { Push } from "../delivery/push.ts";

/** A message that waited for its recipient. */
export interface BacklogMessage {
  frame: MessageFrame;
  conversationId: number;
}

/** Changes of what the recipient had received before, complete up to version `upToVer`. */
export interface BacklogRevisions {
  conversationId: number;
  frames: (MessageEditFrame | MessageDeleteFrame | ConversationDeleteFrame)[];
  upToVer: number;
}

export interface FetchBacklog {
  /**
   * The next waiting messages of a user, lowest ids first, in each conversation after those of `sentSeqs` (conversation → seq); at most
   * `limits.batchFrames`. `hasMore`: there may be others.
   */
  messages(of: {
    userId: number;
    sentSeqs: ReadonlyMap<number, number>;
  }): Promise<{ messages: BacklogMessage[]; hasMore: boolean }>;
  revisions(userId: number): Promise<BacklogRevisions[]>;
}

/** Live messages that may be held back while the backlog is on its way. */
const maxHeld = 5_000;

interface Options {
  userId: number;
  /** The client negotiated gzip and understands `batch`. */
  batched: boolean;
  read: FetchBacklog;
  send(frame: BatchFrame | MessageFrame | BacklogRevisions["frames"][number]): void;
  /** Sends a live push. */
  forward(push: Push): void;
  /** Notes what a conversation's client has been sent. */
  sent(conversationId: number, messageId: number): void;
  revised(conversationId: number, ver: number): void;
  pause(ms: number): Promise<void>;
  /** False once the socket is closed. */
  isOpen(): boolean;
  /** Resolves when the client has little left to read. */
  ready(): Promise<void>;
  overflow(): void;
}

/**
 * Brings one socket from its backlog to live pushes without loss, repetition or disorder: live messages are held until the backlog
 * is through, then those it did not contain follow.
 */
export function createBacklog(options: Options): { push(push: Push): void; run(): Promise<void> } {
  let held: Push[] | undefined = [];
  /** conversation → highest seq that went out with the backlog */
  const sentSeqs = new Map<number, number>();

  async function run(): Promise<void> {
    // A conversation that was deleted goes first: what waits was written after it.
    await sendRevisions();
    while (options.isOpen()) {
      const { messages, hasMore } = await options.read.messages({ userId: options.userId, sentSeqs });
      sendPage(messages);
      if (!hasMore) break;
      await options.pause(100);
      await options.ready();
    }
    const waiting = held ?? [];
    held = undefined;
    for (const push of waiting) forwardLive(push);
  }

  /** Each in a frame of its own, also for clients that understand `batch`: they look for messages only in it. */
  async function sendRevisions(): Promise<void> {
    for (const { conversationId, frames, upToVer } of await options.read.revisions(options.userId)) {
      if (!options.isOpen()) return;
      for (const frame of frames) options.send(frame);
      options.revised(conversationId, upToVer);
    }
    await options.ready();
  }

  function sendPage(page: BacklogMessage[]): void {
    if (page.length === 0 || !options.isOpen()) return;
    const frames = page.map(({ frame }) => frame);
    if (options.batched) {
      for (const messages of batchesOf(frames)) options.send({ type: "batch", count: messages.length, messages });
    } else for (const frame of frames) options.send(frame);
    for (const { conversationId, frame } of page) {
      sentSeqs.set(conversationId, Math.max(sentSeqs.get(conversationId) ?? 0, frame.seq));
      options.sent(conversationId, frame.message.id);
    }
  }

  function forwardLive(push: Push): void {
    const { message } = push;
    if (message !== undefined && message.seq <= (sentSeqs.get(message.conversationId) ?? 0)) return;
    options.forward(push);
    if (message !== undefined) options.sent(message.conversationId, message.id);
  }

  return {
    run,
    push(push) {
      if (held === undefined || (push.message === undefined && push.ordered !== true)) forwardLive(push);
      else if (held.length < maxHeld) held.push(push);
      else options.overflow();
    },
  };
}

/** In order, and in pieces whose text has a bound. */
function batchesOf(frames: readonly MessageFrame[]): MessageFrame[][] {
  const batches: MessageFrame[][] = [];
  let text = Number.POSITIVE_INFINITY;
  for (const frame of frames) {
    const { content, reply_to: reply } = frame.message;
    const size = content.length + (reply?.content.length ?? 0);
    if (text + size > limits.batchText) {
      batches.push([]);
      text = 0;
    }
    text += size;
    batches.at(-1)?.push(frame);
  }
  return batches;
}
