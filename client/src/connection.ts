import { closeCodes, mayReconnect, wsQuery, type Conversation, type GroupChange } from "@om/protocol";
import { OmApiError } from "./api-error.ts";
import type { Api } from "./api.ts";
import { createBackoff } from "./backoff.ts";
import { catchUp, type CatchUpMode } from "./catch-up.ts";
import { createCleared } from "./cleared.ts";
import type { ConnectionEvents } from "./connection-events.ts";
import { createEvents } from "./events.ts";
import { createFaces } from "./faces.ts";
import { endedError, whenDrained } from "./drained.ts";
import { applyFrame, applyMessage, type FrameDeps } from "./frames.ts";
import { applyHead } from "./heads.ts";
import { Outbox, type Ack } from "./outbox.ts";
import { chatFrame, entryOf, type Draft } from "./outgoing.ts";
import { createPositions } from "./positions.ts";
import { createReceipts } from "./receipts.ts";
import { HandshakeError, openSocket, type OpenSocket, type Socket } from "./socket.ts";
import type { Effect } from "./sequencer.ts";
import { createStateSaver, loadState, type StateSaver, type StateStore } from "./state.ts";
import { targetFields, targetOf, type Target } from "./target.ts";
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
  /** Characters (code points) of a message, if the operator has set another bound than the usual 16,000. */
  maxMessageChars?: number;
  /** Messages of one conversation that may be on their way at once; the default 1 keeps their order whatever fails on the way. */
  maxInFlight?: number;
  timing?: Partial<Timing>;
  /** Opens the line; for tests. */
  open?: OpenSocket;
}

/**
 * A device's connection to the server. It reconnects by itself, resumes by cursor so that nothing is lost or emitted twice, and sends what
 * waits in its outbox until the server has acknowledged it.
 */
export class OmConnection implements AsyncDisposable {
  readonly #options: ConnectOptions;
  readonly #timing: Timing;
  readonly #events = createEvents<ConnectionEvents>();
  readonly #deps: FrameDeps;
  readonly #saver: StateSaver | undefined;
  readonly #typing: (to: Target, isTyping: boolean) => void;
  readonly #stopped = new AbortController();
  /** Of the line as it is now: aborted when it is gone. */
  #line = new AbortController();
  #cursor = "";
  #socket: Socket | undefined;
  #live = false;
  #ended = false;
  /** The catch-up under way. */
  #reading: Promise<void> | undefined;
  #readAt = 0;
  /** What happened during that is read afterwards. */
  #readAgain = false;
  #rereadTimer: ReturnType<typeof setTimeout> | undefined;
  /** Runs while something waits to be sent. */
  #pumpTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #running: Promise<void>;

  readonly on = this.#events.on;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#deps = this.#compose();
    this.#saver = options.state === undefined ? undefined : createStateSaver(() => this.#save(), this.#timing.save);
    this.#typing = createTyping((to, isTyping) => {
      this.#socket?.send({ type: "typing", payload: { ...targetFields(to), is_typing: isTyping } });
    }, now);
    this.#running = this.#run();
  }

  get isLive(): boolean {
    return this.#live;
  }

  /** Resolves when the connection is live, at once if it is; rejects when it ends before. */
  whenLive(): Promise<void> {
    if (this.#live) return Promise.resolve();
    if (this.#ended) return Promise.reject(endedError());
    return new Promise((resolve, reject) => {
      const off = this.on("status", (status) => {
        if (status !== "live" && status !== "ended") return;
        off();
        if (status === "live") resolve();
        else reject(endedError());
      });
    });
  }

  /**
   * Sends a message; `acked` settles when the server has it, which may take a reconnection or two, and rejects with RefusedError
   * when it never will.
   * @throws RangeError when the message is too long, or too many wait already
   */
  send(draft: Draft): { clientId: string; acked: Promise<Ack> } {
    const entry = entryOf(draft, this.#options.maxMessageChars);
    const acked = this.#deps.outbox.add(entry);
    this.#saver?.turn();
    this.#pump();
    return { clientId: entry.clientId, acked };
  }

  /**
   * Resolves when nothing waits to be sent.
   * @param patienceMs how long the server may take nothing; default: for ever
   * @throws when it does, or when the connection ends before
   */
  drained(patienceMs?: number): Promise<void> {
    const waiting = (): number => this.#deps.outbox.waiting();
    return whenDrained({ waiting, hasEnded: () => this.#ended, on: this.on }, patienceMs);
  }

  /** The user has read the conversation up to this message; sent as soon as there is a connection. */
  markRead(messageId: number): void {
    this.#deps.receipts.read(messageId);
    this.#saver?.soon();
  }

  /** The user is typing, or stopped; `true` may be said at every key. */
  typing(to: number | Target, isTyping = true): void {
    if (this.#live) this.#typing(targetOf(to), isTyping);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the line for good; what waits in the outbox stays in the state. */
  async close(): Promise<void> {
    this.#deps.receipts.flush();
    this.#stopped.abort();
    this.#line.abort();
    this.#socket?.close();
    await this.#running;
    this.#saver?.now();
  }

  #compose(): FrameDeps {
    const { options, timing, events } = { options: this.#options, timing: this.#timing, events: this.#events };
    const saved = loadState(options.state?.load());
    this.#cursor = saved?.cursor ?? "";
    const tracker = createTracker({
      start: saved?.conversations ?? [],
      reorderMs: timing.reorder,
      missing: () => this.#reread(),
      onEffect: (conversationId, effect) => this.#onEffect(conversationId, effect),
    });
    const outbox = new Outbox({
      start: saved?.outbox ?? [],
      maxEntries: options.maxQueued ?? 1_000,
      maxInFlight: options.maxInFlight ?? 1,
      resendMs: timing.resendEvery,
      now,
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
      cleared: createCleared((event) => events.emit("cleared", event)),
      events,
      face: createFaces((face) => events.emit("user", face)),
      position: createPositions((event) => events.emit("position", event)),
      doubt: (clientId, to) => void this.#doubt(clientId, to),
      reread: (many) => this.#rereadAfterAll(many),
      changed: () => {
        outbox.sweep((id) => tracker.progress(id)?.ver ?? 0);
        this.#saver?.soon();
      },
    };
    return deps;
  }

  /** One round per socket, until stopped or refused for good. */
  async #run(): Promise<void> {
    const backoff = createBackoff({ firstMs: this.#timing.firstDelay, maxMs: this.#timing.maxDelay });
    // Listeners that are added right after the constructor hear everything.
    await Promise.resolve();
    while (!this.#stopped.signal.aborted) {
      this.#events.emit("status", "connecting");
      let leastMs = 0;
      const mayComeBack = await this.#session(() => backoff.reset()).catch((error: unknown) => {
        if (error instanceof HandshakeError) leastMs = Math.min(error.retryAfterMs, this.#timing.maxDelay);
        return this.#failed(error);
      });
      if (this.#stopped.signal.aborted || !mayComeBack) break;
      this.#events.emit("status", "offline");
      await sleep(leastMs + backoff.next(), this.#stopped.signal);
    }
    this.#ended = true;
    this.#events.emit("status", "ended");
  }

  /** Sends what may be sent, and looks again as long as something waits. */
  #pump(): void {
    const { outbox } = this.#deps;
    outbox.pump();
    if (this.#socket === undefined || outbox.waiting() === 0) return;
    this.#pumpTimer ??= setTimeout(
      () => {
        this.#pumpTimer = undefined;
        this.#pump();
      },
      Math.min(1_000, this.#timing.resendEvery),
    );
  }

  /** Opens a socket, catches up, stays live. @returns whether to come back */
  async #session(onStable: () => void): Promise<boolean> {
    if ((await this.#options.api.accessToken()) === undefined) throw new Error("not logged in");
    const { ticket } = await this.#options.api.ticket({ signal: this.#stopped.signal });
    const closed = deferred<number>();
    this.#line = new AbortController();
    this.#readAgain = false;
    if (this.#stopped.signal.aborted) return false;
    this.#socket = await this.#open(ticket, closed.resolve);
    const { outbox, receipts } = this.#deps;
    const timers = [
      setInterval(() => this.#reread(), this.#timing.rereadEvery),
      setTimeout(onStable, this.#timing.stable),
    ];
    try {
      this.#pump();
      const caughtUp = this.#read().then(() => this.#goLive());
      const code = await Promise.race([closed.promise, caughtUp.then(() => closed.promise)]);
      // Another node is there already, or this one will be soon.
      if (code === closeCodes.restart.code) onStable();
      return mayReconnect(code);
    } finally {
      for (const timer of timers) clearTimeout(timer);
      this.#live = false;
      this.#line.abort();
      this.#socket.close();
      this.#socket = undefined;
      clearTimeout(this.#rereadTimer);
      clearTimeout(this.#pumpTimer);
      this.#rereadTimer = undefined;
      this.#pumpTimer = undefined;
      await this.#reading?.catch(() => undefined);
      this.#deps.tracker.disconnected();
      outbox.disconnected();
      receipts.disconnected();
    }
  }

  #goLive(): void {
    if (this.#socket === undefined) return;
    this.#live = true;
    this.#events.emit("status", "live");
    this.#deps.receipts.flush();
    if (this.#readAgain) this.#reread();
  }

  async #open(ticket: string, onClose: (code: number) => void): Promise<Socket> {
    const url = new URL("/ws", this.#options.baseUrl.replace(/^http/, "ws"));
    url.searchParams.set(wsQuery.ticket, ticket);
    url.searchParams.set(wsQuery.resume, "1");
    const open = this.#options.open ?? openSocket;
    return await open({
      url: url.href,
      signal: this.#line.signal,
      openTimeoutMs: this.#timing.openTimeout,
      pingEveryMs: this.#timing.pingEvery,
      pongTimeoutMs: this.#timing.pongTimeout,
      onFrame: (frame) => applyFrame(this.#deps, frame),
      onPing: () => this.#deps.receipts.pinged(),
      onClose,
    });
  }

  /** @returns whether to come back */
  async #failed(error: unknown): Promise<boolean> {
    if (!this.#stopped.signal.aborted) this.#events.emit("error", error);
    if (isSessionOver(error)) return false;
    if (!(error instanceof HandshakeError) || error.status === 0) return true;
    // A browser does not say why a handshake failed. Any call renews an access token that is not good any more.
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
      this.#readAt = now();
      if (this.#readAgain) this.#reread();
    });
    return this.#reading;
  }

  async #catchUp(): Promise<void> {
    const { api, catchUp: mode = "since-known" } = this.#options;
    const { tracker } = this.#deps;
    const emit = this.#events.emit;
    const hooks = {
      head: (conversation: Conversation) => applyHead(this.#deps, conversation),
      left: (conversationId: string) => emit("left", { conversationId }),
      group: (change: GroupChange) => emit("group", { conversationId: `group_${change.id}`, change }),
      face: this.#deps.face,
      facesUnknown: () => emit("users", undefined),
      blocked: (userIds: readonly number[]) => emit("blocked", { userIds }),
      reset: () => emit("reset", undefined),
      onError: (error: unknown) => emit("error", error),
    };
    this.#cursor = await catchUp({ api, tracker, mode, signal: this.#line.signal, ...hooks }, this.#cursor);
    this.#deps.changed();
  }

  #onEffect(conversationId: string, effect: Exclude<Effect, { kind: "wait" | "missing" }>): void {
    const { cleared, events } = this.#deps;
    if (effect.kind === "message") applyMessage(this.#deps, effect.message);
    else if (effect.kind === "deleted") events.emit("deleted", { conversationId, messageId: effect.id });
    else if (!cleared.covers(conversationId, effect.message.seq)) events.emit("updated", effect.message);
  }

  /** Something is missing: reads again, but not all the time. A failure ends the line, and the next one starts with a reading. */
  #reread(atLeast = 0): void {
    if (!this.#live || this.#reading !== undefined || this.#rereadTimer !== undefined) return;
    const pause = Math.max(atLeast, this.#readAt + this.#timing.rereadPause - now());
    this.#readAgain = false;
    this.#rereadTimer = setTimeout(() => {
      this.#rereadTimer = undefined;
      this.#read().catch((error: unknown) => {
        this.#events.emit("error", error);
        this.#socket?.close();
      });
    }, pause);
  }

  /** Reads again, also what the reading under way may have missed. What many devices receive at once they do not ask for at once. */
  #rereadAfterAll(many: boolean): void {
    if (!this.#live || this.#reading !== undefined) this.#readAgain = true;
    else this.#reread(many ? Math.random() * this.#timing.rereadPause : 0);
  }

  /** The server does not say whether it cannot store a message now or never: it never can for a person who does not exist. */
  async #doubt(clientId: string, to: Target): Promise<void> {
    if (!("userId" in to)) return;
    const code = "user_not_found";
    try {
      await this.#options.api.user({ params: { identifier: to.userId }, signal: this.#line.signal });
    } catch (error) {
      if (!(error instanceof OmApiError) || error.code !== code) return;
      applyFrame(this.#deps, { type: "error", code, error: error.message, client_id: clientId });
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

/** Measures durations, in ms. */
const now = (): number => performance.now();

/** Opens a device's line; it is being made when this returns, see `whenLive`. */
export function connect(options: ConnectOptions): OmConnection {
  return new OmConnection(options);
}

/** Only a new login helps. */
function isSessionOver(error: unknown): boolean {
  return error instanceof OmApiError && error.status === 401;
}
