import { limits, mayReconnect, wsQuery, type Conversation, type MessageType } from "@om/protocol";
import { OmApiError } from "./api-error.ts";
import type { Api } from "./api.ts";
import { createBackoff } from "./backoff.ts";
import { catchUp, type CatchUpMode } from "./catch-up.ts";
import type { ConnectionEvents } from "./connection-events.ts";
import { createEvents } from "./events.ts";
import { takeFrame, takeMessage, type FrameDeps } from "./frames.ts";
import { Outbox, type Ack, type OutboxEntry } from "./outbox.ts";
import { createPositions } from "./positions.ts";
import { createReceipts } from "./receipts.ts";
import { HandshakeError, openSocket, type OpenSocket, type Socket } from "./socket.ts";
import { createSaver, type Saver, type StateStore } from "./state.ts";
import { defaultTiming, type Timing } from "./timing.ts";
import { createTracker } from "./tracker.ts";
import { createTyping } from "./typing.ts";
import { deferred, sleep } from "./waiting.ts";

export interface ConnectOptions {
  api: Api;
  baseUrl: string;
  /** Whose access token it is. */
  selfId: number;
  /** Without it the device forgets everything when it ends, and starts at the heads of its conversations. */
  state?: StateStore;
  /** Default `since-known`. */
  catchUp?: CatchUpMode;
  /** Messages that may wait to be sent; default 1,000. */
  maxQueued?: number;
  /** Messages to one recipient that may be on their way at once; the default 1 keeps their order whatever fails on the way. */
  maxInFlight?: number;
  timing?: Partial<Timing>;
  /** Opens the line; for tests. */
  open?: OpenSocket;
}

/**
 * A device's line to the server. It reconnects by itself, resumes by cursor so that nothing is lost or told twice, and sends what
 * waits in its outbox until the server has acknowledged it.
 */
export class OmConnection implements AsyncDisposable {
  readonly #options: ConnectOptions;
  readonly #timing: Timing;
  readonly #events = createEvents<ConnectionEvents>();
  readonly #deps: FrameDeps;
  readonly #saver: Saver | undefined;
  readonly #typing: (to: number, isTyping: boolean) => void;
  readonly #stopped = new AbortController();
  /** Of the line as it is now: aborted when it is gone. */
  #line = new AbortController();
  #cursor = "";
  #socket: Socket | undefined;
  #live = false;
  /** The catch-up under way. */
  #reading: Promise<void> | undefined;
  #readAt = 0;
  #rereadTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #running: Promise<void>;

  readonly on = this.#events.on;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#deps = this.#compose();
    this.#saver = options.state === undefined ? undefined : createSaver(() => this.#save(), this.#timing.save);
    this.#typing = createTyping((to, isTyping) => {
      this.#socket?.send({ type: "typing", payload: { recipient_id: to, is_typing: isTyping } });
    }, Date.now);
    this.#running = this.#run();
  }

  get isLive(): boolean {
    return this.#live;
  }

  /** Resolves when the connection is live, at once if it is; rejects when it ends before. */
  whenLive(): Promise<void> {
    if (this.#live) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const off = this.on("status", (status) => {
        if (status !== "live" && status !== "ended") return;
        off();
        if (status === "live") resolve();
        else reject(new Error("the connection has ended"));
      });
    });
  }

  /**
   * Sends a direct message; `acked` settles when the server has it, which may take a reconnection or two, and rejects with
   * RefusedError when it never will.
   * @throws RangeError when the message is too long for a frame, or too many wait already
   */
  send(message: { to: number; content: string; messageType?: MessageType }): { clientId: string; acked: Promise<Ack> } {
    const { to, content, messageType = "text" } = message;
    const entry: OutboxEntry = { clientId: crypto.randomUUID(), to, content, messageType };
    if (JSON.stringify(chatFrame(entry)).length * 3 > limits.frameBytes)
      throw new RangeError("the message is too long");
    const acked = this.#deps.outbox.add(entry);
    this.#saver?.turn();
    this.#deps.outbox.pump();
    return { clientId: entry.clientId, acked };
  }

  /** Resolves when nothing waits to be sent. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.#deps.outbox.waiting() > 0) return;
        for (const off of offs) off();
        resolve();
      };
      const offs = [this.on("acked", check), this.on("refused", check)];
      check();
    });
  }

  /** The user has read the conversation up to this message; told as soon as there is a line. */
  markRead(messageId: number): void {
    this.#deps.receipts.read(messageId);
    this.#saver?.soon();
  }

  /** The user is typing, or stopped; `true` may be said at every key. */
  typing(to: number, isTyping = true): void {
    if (this.#live) this.#typing(to, isTyping);
  }

  /** Ends the line for good; what waits in the outbox stays in the state. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#deps.receipts.flush();
    this.#stopped.abort();
    this.#line.abort();
    this.#socket?.close();
    await this.#running;
    this.#saver?.now();
  }

  #compose(): FrameDeps {
    const { options, timing, events } = { options: this.#options, timing: this.#timing, events: this.#events };
    const saved = options.state?.load();
    this.#cursor = saved?.cursor ?? "";
    const tracker = createTracker({
      start: saved?.conversations ?? [],
      reorderMs: timing.reorder,
      missing: () => this.#reread(),
      tell: ({ kind, message }) => (kind === "message" ? takeMessage(deps, message) : events.emit("updated", message)),
    });
    const outbox = new Outbox({
      start: saved?.outbox ?? [],
      maxEntries: options.maxQueued ?? 1_000,
      maxInFlight: options.maxInFlight ?? 1,
      resendMs: timing.resendEvery,
      now: Date.now,
      transmit: (entry) => this.#socket?.send(chatFrame(entry)) ?? false,
    });
    const receipts = createReceipts({
      start: saved?.reads ?? [],
      delayMs: timing.receipt,
      send: (receipt) => this.#socket?.send(receipt) ?? false,
    });
    const deps: FrameDeps = {
      selfId: options.selfId,
      tracker,
      outbox,
      receipts,
      events,
      position: createPositions((event) => events.emit("position", event)),
      doubt: (clientId, to) => void this.#doubt(clientId, to),
      changed: () => {
        outbox.sweep((id) => tracker.followed(id)?.ver ?? 0);
        this.#saver?.soon();
      },
    };
    return deps;
  }

  /** One round per socket, until stopped or told not to come back. */
  async #run(): Promise<void> {
    const backoff = createBackoff({ firstMs: this.#timing.firstDelay, maxMs: this.#timing.maxDelay });
    // Listeners that are added right after the constructor hear everything.
    await Promise.resolve();
    while (!this.#stopped.signal.aborted) {
      this.#events.emit("status", "connecting");
      const mayComeBack = await this.#session(() => backoff.reset()).catch((error: unknown) => this.#failed(error));
      if (this.#stopped.signal.aborted || !mayComeBack) break;
      this.#events.emit("status", "offline");
      await sleep(backoff.next(), this.#stopped.signal);
    }
    this.#events.emit("status", "ended");
  }

  /** Opens a socket, catches up, stays live. @returns whether to come back */
  async #session(onStable: () => void): Promise<boolean> {
    const token = await this.#options.api.accessToken();
    if (token === undefined) throw new Error("not logged in");
    const closed = deferred<number>();
    this.#line = new AbortController();
    if (this.#stopped.signal.aborted) return false;
    this.#socket = await this.#open(token, closed.resolve);
    const { outbox, receipts } = this.#deps;
    const timers = [
      setInterval(() => outbox.pump(), Math.min(1_000, this.#timing.resendEvery)),
      setInterval(() => this.#reread(), this.#timing.rereadEvery),
      setTimeout(onStable, this.#timing.stable),
    ];
    try {
      outbox.pump();
      const caughtUp = this.#read().then(() => this.#goLive());
      const code = await Promise.race([closed.promise, caughtUp.then(() => closed.promise)]);
      return mayReconnect(code);
    } finally {
      for (const timer of timers) clearTimeout(timer);
      this.#live = false;
      this.#line.abort();
      this.#socket.close();
      this.#socket = undefined;
      clearTimeout(this.#rereadTimer);
      this.#rereadTimer = undefined;
      await this.#reading?.catch(() => undefined);
      this.#deps.tracker.cut();
      outbox.cut();
      receipts.cut();
    }
  }

  #goLive(): void {
    if (this.#socket === undefined) return;
    this.#live = true;
    this.#events.emit("status", "live");
    this.#deps.receipts.flush();
  }

  async #open(token: string, onClose: (code: number) => void): Promise<Socket> {
    const url = new URL("/ws", this.#options.baseUrl.replace(/^http/, "ws"));
    url.searchParams.set(wsQuery.token, token);
    url.searchParams.set(wsQuery.resume, "1");
    const open = this.#options.open ?? openSocket;
    return await open({
      url: url.href,
      signal: this.#line.signal,
      openTimeoutMs: this.#timing.openTimeout,
      pingEveryMs: this.#timing.pingEvery,
      pongTimeoutMs: this.#timing.pongTimeout,
      onFrame: (frame) => takeFrame(this.#deps, frame),
      onPing: () => this.#deps.receipts.pinged(),
      onClose,
    });
  }

  /** @returns whether to come back */
  async #failed(error: unknown): Promise<boolean> {
    if (!this.#stopped.signal.aborted) this.#events.emit("trouble", error);
    if (isSessionOver(error)) return false;
    if (!(error instanceof HandshakeError) || error.status === 0) return true;
    // A browser does not tell why a handshake failed. Any call renews an access token that is not good any more.
    try {
      if (error.status === 401) await this.#options.api.refresh();
      else if (error.status === undefined) await this.#options.api.me({ signal: this.#stopped.signal });
      return true;
    } catch (refused) {
      return !isSessionOver(refused);
    }
  }

  /** Reads what this device lacks. */
  #read(): Promise<void> {
    this.#reading ??= this.#catchUp().finally(() => {
      this.#reading = undefined;
      this.#readAt = Date.now();
    });
    return this.#reading;
  }

  async #catchUp(): Promise<void> {
    const { api, catchUp: mode = "since-known" } = this.#options;
    const { tracker } = this.#deps;
    const emit = this.#events.emit;
    const hooks = {
      head: (conversation: Conversation) => this.#takeHead(conversation),
      reset: () => emit("reset", undefined),
      trouble: (error: unknown) => emit("trouble", error),
    };
    this.#cursor = await catchUp({ api, tracker, mode, signal: this.#line.signal, ...hooks }, this.#cursor);
    this.#deps.changed();
  }

  #takeHead(conversation: Conversation): void {
    const { conversation_id: conversationId, peer, my_position, peer_position, last_message: last } = conversation;
    const { selfId, tracker, position, receipts } = this.#deps;
    const at = tracker.followed(conversationId);
    // What was told since the server wrote this is newer.
    if (at === undefined || (at.ver <= conversation.ver && at.seq <= conversation.seq)) {
      this.#events.emit("conversation", conversation);
    }
    const tell = (userId: number, at: { read_message_id: number; delivered_message_id: number }): void => {
      position({ conversationId, userId, kind: "read", messageId: at.read_message_id });
      position({ conversationId, userId, kind: "delivered", messageId: at.delivered_message_id });
    };
    tell(selfId, my_position);
    if (peer !== null && peer_position !== null && peer.id !== selfId) tell(peer.id, peer_position);
    // An earlier run may have ended before it could say so.
    if (last !== null && last.sender_id !== selfId && my_position.delivered_message_id < last.id) {
      receipts.delivered(conversationId, last.id);
    }
  }

  /** Something is missing: reads again, but not all the time. A failure ends the line, and the next one starts with a reading. */
  #reread(): void {
    if (!this.#live || this.#reading !== undefined || this.#rereadTimer !== undefined) return;
    const pause = Math.max(0, this.#readAt + this.#timing.rereadPause - Date.now());
    this.#rereadTimer = setTimeout(() => {
      this.#rereadTimer = undefined;
      this.#read().catch((error: unknown) => {
        this.#events.emit("trouble", error);
        this.#socket?.close();
      });
    }, pause);
  }

  /** The server does not say whether it cannot store a message now or never: it never can for a person who does not exist. */
  async #doubt(clientId: string, to: number): Promise<void> {
    const code = "user_not_found";
    try {
      await this.#options.api.user({ params: { identifier: to }, signal: this.#line.signal });
    } catch (error) {
      if (!(error instanceof OmApiError) || error.code !== code) return;
      takeFrame(this.#deps, { type: "error", code, error: error.message, client_id: clientId });
    }
  }

  #save(): void {
    const { tracker, outbox, receipts } = this.#deps;
    this.#options.state?.save({
      cursor: this.#cursor,
      conversations: tracker.all(),
      outbox: outbox.entries(),
      reads: receipts.reads(),
    });
  }
}

/** Opens a device's line; it is being made when this returns, see `whenLive`. */
export function connect(options: ConnectOptions): OmConnection {
  return new OmConnection(options);
}

function chatFrame({ clientId, to, content, messageType }: OutboxEntry) {
  return {
    type: "chat",
    payload: { client_id: clientId, recipient_id: to, content, message_type: messageType },
  };
}

/** Only a new login helps. */
function isSessionOver(error: unknown): boolean {
  return error instanceof OmApiError && error.status === 401;
}
