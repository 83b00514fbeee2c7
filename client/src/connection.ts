import {
  mayReconnect,
  wsQuery,
  type Conversation,
  type ErrorFrame,
  type Message,
  type OutboundFrame,
} from "@om/protocol";
import type { Api } from "./api.ts";
import { createBackoff } from "./backoff.ts";
import { catchUp } from "./catch-up.ts";
import { createEvents } from "./events.ts";
import { createOutbox, type Ack, type OutboxEntry } from "./outbox.ts";
import { createSequencer, type Change, type Effect } from "./sequencer.ts";
import { openSocket, type Socket } from "./socket.ts";
import { memoryState, type StateStore } from "./state.ts";

/** What a connection tells. */
export interface ConnectionEvents {
  status: "connecting" | "live" | "offline" | "ended";
  /** A message new to this device, of others or of the own user elsewhere; once each, in order within a conversation. */
  message: Message;
  /** A message that changed after it was told. */
  updated: Message;
  /** Somebody has read, or a device of theirs has received, a conversation up to a message. */
  position: { conversationId: string; userId: number; kind: "read" | "delivered"; messageId: number };
  typing: { userId: number; isTyping: boolean };
  /** The head of a conversation as a catch-up found it. */
  conversation: Conversation;
  acked: Ack;
  refused: ErrorFrame;
  /** Something failed and will be tried again. */
  trouble: unknown;
}

export interface ConnectOptions {
  api: Api;
  baseUrl: string;
  selfId: number;
  state?: StateStore;
  timing?: Partial<Timing>;
}

/** All in ms. */
interface Timing {
  firstDelay: number;
  maxDelay: number;
  openTimeout: number;
  pingEvery: number;
  pongTimeout: number;
  resendEvery: number;
  /** How long a change may wait for the one before it. */
  reorder: number;
}

const defaults: Timing = {
  firstDelay: 500,
  maxDelay: 30_000,
  openTimeout: 10_000,
  pingEvery: 25_000,
  pongTimeout: 10_000,
  resendEvery: 5_000,
  reorder: 50,
};

/** Frames kept while a catch-up runs; beyond it they are let go, and the next catch-up brings what they said. */
const maxBuffered = 5_000;

/**
 * A device's line to the server. It reconnects by itself, resumes by cursor so that nothing is lost or told twice, and sends what
 * waits in its outbox until the server has acknowledged it.
 */
export class OmConnection implements AsyncDisposable {
  readonly #options: ConnectOptions;
  readonly #timing: Timing;
  readonly #state: StateStore;
  readonly #events = createEvents<ConnectionEvents>();
  readonly #sequencer: ReturnType<typeof createSequencer>;
  readonly #outbox: ReturnType<typeof createOutbox>;
  readonly #stopped = new AbortController();
  #cursor: string;
  #socket: Socket | undefined;
  #live = false;
  /** Frames that wait for the catch-up under way; undefined when there is none. */
  #buffer: OutboundFrame[] | undefined;
  #gapTimer: ReturnType<typeof setTimeout> | undefined;
  #received = new Map<string, number>();
  #typedAt = 0;
  readonly #running: Promise<void>;

  readonly on = this.#events.on;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#timing = { ...defaults, ...options.timing };
    this.#state = options.state ?? memoryState();
    const saved = this.#state.load();
    this.#cursor = saved?.cursor ?? "";
    this.#sequencer = createSequencer(saved?.conversations);
    this.#outbox = createOutbox(saved?.outbox);
    this.#running = this.#run();
  }

  get isLive(): boolean {
    return this.#live;
  }

  /** Sends a direct message; `acked` settles when the server has it, which may take a reconnection or two. */
  send(message: { to: number; content: string; messageType?: OutboxEntry["messageType"] }): {
    clientId: string;
    acked: Promise<Ack>;
  } {
    const clientId = crypto.randomUUID();
    const entry = { clientId, to: message.to, content: message.content, messageType: message.messageType ?? "text" };
    const acked = this.#outbox.add(entry);
    this.#typedAt = 0;
    this.#save();
    if (this.#live) this.#sendEntry(entry);
    return { clientId, acked };
  }

  /** Resolves when nothing waits to be sent. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.#outbox.entries().length > 0) return;
        for (const off of offs) off();
        resolve();
      };
      const offs = [this.on("acked", check), this.on("refused", check), this.on("message", check)];
      check();
    });
  }

  /** The user has read the conversation up to this message. */
  markRead(messageId: number): void {
    this.#socket?.send({ type: "read", payload: { message_id: messageId } });
  }

  /** The user is typing; told at most every two seconds. */
  typing(to: number): void {
    if (Date.now() - this.#typedAt < 2_000) return;
    this.#typedAt = Date.now();
    this.#socket?.send({ type: "typing", payload: { recipient_id: to, is_typing: true } });
  }

  /** Ends the line for good; what waits in the outbox stays in the state. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#gapTimer);
    this.#socket?.close();
    await this.#running;
    this.#save();
  }

  /** One round per socket, until stopped or told not to come back. */
  async #run(): Promise<void> {
    const backoff = createBackoff({ firstMs: this.#timing.firstDelay, maxMs: this.#timing.maxDelay });
    while (!this.#isStopped()) {
      this.#events.emit("status", "connecting");
      try {
        const code = await this.#session(() => backoff.reset());
        if (!mayReconnect(code)) break;
      } catch (error) {
        this.#events.emit("trouble", error);
      }
      this.#live = false;
      this.#events.emit("status", "offline");
      await sleep(backoff.next(), this.#stopped.signal);
    }
    this.#events.emit("status", "ended");
  }

  /** Opens a socket, catches up, stays live. @returns the close code */
  async #session(onLive: () => void): Promise<number> {
    const token = await this.#options.api.accessToken();
    if (token === undefined) throw new Error("not logged in");
    const url = new URL("/ws", this.#options.baseUrl.replace(/^http/, "ws"));
    url.searchParams.set(wsQuery.token, token);
    url.searchParams.set(wsQuery.resume, "1");
    const closed = deferred<number>();
    this.#buffer = [];
    this.#socket = await openSocket({
      url: url.href,
      openTimeoutMs: this.#timing.openTimeout,
      pingEveryMs: this.#timing.pingEvery,
      pongTimeoutMs: this.#timing.pongTimeout,
      onFrame: (frame) => this.#onFrame(frame),
      onClose: closed.resolve,
    }).catch(async (error: unknown) => {
      // A browser does not say why a handshake failed; an old token is the one cause that can be cured here.
      await this.#options.api.refresh().catch(() => undefined);
      throw error;
    });
    const resend = setInterval(() => this.#sendAll(), this.#timing.resendEvery);
    try {
      if (this.#isStopped()) this.#socket.close();
      await this.#catchUp();
      this.#live = true;
      onLive();
      this.#events.emit("status", "live");
      this.#sendAll();
      return await closed.promise;
    } finally {
      clearInterval(resend);
      this.#live = false;
      this.#socket.close();
    }
  }

  /** Reads what this device lacks; frames that arrive meanwhile follow it. */
  async #catchUp(): Promise<void> {
    this.#buffer ??= [];
    const found = catchUp(this.#options.api, this.#cursor, (id) => this.#sequencer.followed(id));
    for (let step = await found.next(); ; step = await found.next()) {
      if (step.done === true) {
        this.#cursor = step.value;
        break;
      }
      const { conversation, head, messages } = step.value;
      this.#events.emit("conversation", conversation);
      if (messages === undefined) {
        this.#sequencer.startAt(conversation.conversation_id, head);
        const last = conversation.last_message;
        if (last !== null && last.sender_id !== this.#options.selfId && !last.is_delivered) {
          this.#received.set(conversation.conversation_id, last.id);
        }
      } else this.#do(this.#sequencer.caughtUp(conversation.conversation_id, head, messages));
    }
    const buffered = this.#buffer;
    this.#buffer = undefined;
    for (const frame of buffered) this.#onFrame(frame);
    this.#acknowledge();
    this.#save();
  }

  #onFrame(frame: OutboundFrame): void {
    const isChange = frame.type === "message" || frame.type === "read_update" || frame.type === "delivery_update";
    if (this.#buffer !== undefined && (isChange || frame.type === "ack")) {
      if (this.#buffer.length < maxBuffered) this.#buffer.push(frame);
      return;
    }
    switch (frame.type) {
      case "ack":
        this.#onAck(frame.payload);
        break;
      case "message":
      case "read_update":
      case "delivery_update":
        this.#do(this.#sequencer.live(changeOf(frame)));
        if (frame.type !== "message") this.#tellPosition(frame);
        this.#acknowledge();
        this.#save();
        break;
      case "typing":
        this.#events.emit("typing", { userId: frame.sender_id, isTyping: frame.is_typing });
        break;
      case "error":
        this.#events.emit("refused", frame);
        if (frame.client_id !== undefined && this.#outbox.refused(frame.client_id, frame.code, frame.error))
          this.#save();
        break;
      case "batch":
      case "pong":
      case "sync_response":
        break;
    }
  }

  #onAck(ack: Ack): void {
    this.#outbox.acked(ack);
    this.#events.emit("acked", ack);
    this.#do(this.#sequencer.live({ conversationId: ack.conversation_id, ver: ack.ver, seq: ack.seq }));
    this.#save();
  }

  #do(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === "message") this.#tellMessage(effect.message);
      else if (effect.kind === "updated") this.#events.emit("updated", effect.message);
      else if (effect.kind === "gap") this.#scheduleGap();
    }
  }

  #tellMessage(message: Message): void {
    const { conversation_id, ver, seq, status, created_at_unix, client_id, id } = message;
    if (message.sender_id === this.#options.selfId) {
      // Our own message came back before its ack did.
      this.#outbox.acked({ conversation_id, ver, seq, status, created_at_unix, client_id, server_id: id });
    } else this.#received.set(conversation_id, id);
    this.#events.emit("message", message);
  }

  #tellPosition(frame: Extract<OutboundFrame, { type: "read_update" | "delivery_update" }>): void {
    const read = frame.type === "read_update";
    this.#events.emit("position", {
      conversationId: frame.conversation_id,
      userId: frame.user_id,
      kind: read ? "read" : "delivered",
      messageId: read ? frame.last_read_message_id : frame.last_delivered_message_id,
    });
  }

  /** What fills a gap is usually on its way already; what is not there in time is fetched. */
  #scheduleGap(): void {
    this.#gapTimer ??= setTimeout(() => {
      this.#gapTimer = undefined;
      if (!this.#live || this.#buffer !== undefined) return;
      this.#catchUp().catch((error: unknown) => {
        this.#events.emit("trouble", error);
        this.#socket?.close();
      });
    }, this.#timing.reorder);
  }

  /** Tells the server what this device has: one receipt per conversation. */
  #acknowledge(): void {
    for (const messageId of this.#received.values()) {
      this.#socket?.send({ type: "ack", payload: { server_id: messageId, status: "delivered" } });
    }
    this.#received = new Map();
  }

  #sendAll(): void {
    if (this.#live) for (const entry of this.#outbox.entries()) this.#sendEntry(entry);
  }

  #sendEntry({ clientId, to, content, messageType }: OutboxEntry): void {
    const payload = { client_id: clientId, recipient_id: to, content, message_type: messageType };
    this.#socket?.send({ type: "chat", payload });
  }

  #save(): void {
    this.#state.save({
      cursor: this.#cursor,
      conversations: this.#sequencer.all(),
      outbox: this.#outbox.entries(),
    });
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }
}

type ChangeFrame = Extract<OutboundFrame, { type: "message" | "read_update" | "delivery_update" }>;

function changeOf(frame: ChangeFrame): Change {
  const { conversation_id: conversationId, ver, seq } = frame;
  return { conversationId, ver, seq, ...(frame.type === "message" ? { message: frame.message } : {}) };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake);
    if (signal.aborted) wake();
  });
}
