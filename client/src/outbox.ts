import type { AckFrame, MessageType } from "@om/protocol";
import { conversationIdOf, type Target } from "./target.ts";

/** A message on its way to the server. */
export interface OutboxEntry {
  clientId: string;
  to: Target;
  content: string;
  messageType: MessageType;
  /** The message that this one replies to. */
  replyTo?: number;
  mentions?: readonly number[];
  forwardOf?: number;
  /** The server has it as this version of the conversation, but changes that came before are still missing here. */
  acked?: { conversationId: string; ver: number };
}

/** What the server said of a sent message. */
export type Ack = AckFrame["payload"];

/** The server will not take this message, however often it is sent. */
export class RefusedError extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.name = "RefusedError";
    this.code = code;
  }
}

interface PendingEntry {
  entry: OutboxEntry;
  refusals: number;
  /** When it is to be sent again; undefined: it was not sent on this line. */
  nextAt: number | undefined;
  resolve(ack: Ack): void;
  reject(error: Error): void;
}

interface OutboxOptions {
  /** What an earlier run did not get through. */
  start: readonly OutboxEntry[];
  maxEntries: number;
  /** Messages of one conversation that may be on their way at once; 1 keeps their order whatever fails. */
  maxInFlight: number;
  resendMs: number;
  now(): number;
  /** @returns false when there is no line */
  transmit(entry: OutboxEntry): boolean;
}

/** Refusals that may pass by themselves, such as a database that is away, or that ask for patience. */
const retryable: ReadonlySet<string> = new Set([
  "save_failed",
  "processing_failed",
  "membership_check_failed",
  "rate_limited",
]);
/** The slowest pace of trying again, as a multiple of the first. */
const maxBackoff = 12;

/**
 * Messages that are sent, in order per conversation and with the same client_id, until the server acknowledges them: at least once
 * here, exactly once there.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #known = new Map<string, PendingEntry>();
  /** Conversation → entries that are not acknowledged, in order. */
  readonly #lanes = new Map<string, PendingEntry[]>();
  #waiting = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    for (const entry of options.start)
      this.#enqueue({ entry, refusals: 0, nextAt: undefined, resolve: () => undefined, reject: () => undefined });
  }

  /** @throws RangeError when too many wait already */
  add(entry: OutboxEntry): Promise<Ack> {
    if (this.#waiting >= this.#options.maxEntries) throw new RangeError("too many messages wait to be sent");
    const acked = new Promise<Ack>((resolve, reject) => {
      this.#enqueue({ entry, refusals: 0, nextAt: undefined, resolve, reject });
    });
    // Who does not ask learns of it by the events.
    acked.catch(() => undefined);
    return acked;
  }

  /** What has to outlive a restart, in the order of `add`. */
  entries(): OutboxEntry[] {
    return [...this.#known.values()].map(({ entry }) => entry);
  }

  has(clientId: string): boolean {
    return this.#known.has(clientId);
  }

  /** How many messages wait for the server. */
  waiting(): number {
    return this.#waiting;
  }

  /** Sends what may be sent now: new entries, and those that were not answered in time. */
  pump(): void {
    const now = this.#options.now();
    for (const lane of this.#lanes.values()) {
      for (const waiting of lane.slice(0, this.#options.maxInFlight)) {
        if (waiting.nextAt !== undefined && waiting.nextAt > now) continue;
        if (!this.#options.transmit(waiting.entry)) return;
        waiting.nextAt = now + this.#options.resendMs;
      }
    }
  }

  /** What was sent may be lost with the line; `pump` sends it again. */
  disconnected(): void {
    for (const waiting of this.#known.values()) waiting.nextAt = undefined;
  }

  /** Settles an entry; it stays known until it has its place. @returns whether it was waiting */
  acked(ack: Ack): boolean {
    const waiting = this.#known.get(ack.client_id);
    if (waiting === undefined || waiting.entry.acked !== undefined) return false;
    this.#dequeue(waiting);
    waiting.entry = { ...waiting.entry, acked: { conversationId: ack.conversation_id, ver: ack.ver } };
    waiting.resolve(ack);
    return true;
  }

  /** The message was emitted. */
  placed(clientId: string): void {
    this.#known.delete(clientId);
  }

  /** Forgets acknowledged entries of conversations that have been followed beyond them. */
  sweep(followedTo: (conversationId: string) => number): void {
    if (this.#known.size === this.#waiting) return;
    for (const [clientId, { entry }] of this.#known) {
      if (entry.acked !== undefined && followedTo(entry.acked.conversationId) >= entry.acked.ver)
        this.#known.delete(clientId);
    }
  }

  /**
   * An answer that may pass is tried again, more slowly each time; any other one ends the entry.
   * @returns what became of the entry; undefined when it is not waiting
   */
  refused(clientId: string, code: string, text: string): { ended: boolean; to: Target; refusals: number } | undefined {
    const waiting = this.#known.get(clientId);
    if (waiting === undefined || waiting.entry.acked !== undefined) return undefined;
    waiting.refusals += 1;
    const { refusals, entry } = waiting;
    const { now, resendMs } = this.#options;
    if (retryable.has(code)) {
      waiting.nextAt = now() + resendMs * Math.min(maxBackoff, 2 ** (refusals - 1));
      return { ended: false, to: entry.to, refusals };
    }
    this.#dequeue(waiting);
    this.#known.delete(clientId);
    waiting.reject(new RefusedError(code, text));
    return { ended: true, to: entry.to, refusals };
  }

  #enqueue(waiting: PendingEntry): void {
    const { clientId, to, acked } = waiting.entry;
    this.#known.set(clientId, waiting);
    if (acked !== undefined) return;
    this.#waiting += 1;
    const lane = this.#lanes.get(conversationIdOf(to));
    if (lane === undefined) this.#lanes.set(conversationIdOf(to), [waiting]);
    else lane.push(waiting);
  }

  #dequeue(waiting: PendingEntry): void {
    this.#waiting -= 1;
    const lane = conversationIdOf(waiting.entry.to);
    const rest = (this.#lanes.get(lane) ?? []).filter((other) => other !== waiting);
    if (rest.length === 0) this.#lanes.delete(lane);
    else this.#lanes.set(lane, rest);
  }
}
