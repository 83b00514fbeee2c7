import { once } from "node:events";
import type { Duplex } from "node:stream";
import { closeCodes, frameErrors, limits, type InboundType, type OutboundFrame } from "@om/protocol";
import type { WebSocket } from "ws";
import type { EndReason, HubSocket } from "../delivery/hub.ts";
import { withPairId, type Push } from "../delivery/push.ts";
import type { Allowance } from "../platform/allowances.ts";
import type { Caller } from "../platform/caller.ts";
import type { Clock } from "../platform/clock.ts";
import { FrameRefusal } from "../platform/om-error.ts";
import type { SocketFacts } from "../platform/telemetry/telemetry.ts";
import { websocketFrame } from "../platform/websocket-frame.ts";
import { createBacklog, type FetchBacklog } from "./backlog.ts";
import type { FrameHandlers, FrameSource } from "../platform/frame-handlers.ts";
import type { HeartbeatSocket } from "./heartbeat.ts";
import { jsonBytes, parseFrame } from "./parse-frame.ts";
import { PongConfirmations } from "./pong-confirmations.ts";
import { SendQueue } from "./send-queue.ts";
import type { UnsentBytes } from "./unsent-bytes.ts";

/** What is done with a client's proof that it has received what it was sent. */
export interface Deliveries {
  /** Everything of the conversation up to this message. */
  messages(caller: Caller, messageId: number): void;
  /** Edits and deletes of the conversation up to this version. */
  revisions(caller: Caller, conversationId: number, ver: number): void;
}

/** What all connections of a server share. */
export interface ConnectionDeps {
  handlers: FrameHandlers;
  backlog: FetchBacklog;
  deliveries: Deliveries;
  /** A client of the user answered a ping; must not throw. */
  userActive: (userId: number) => void;
  /** Never steps. */
  now: Clock;
  pause: (ms: number) => Promise<void>;
  /** What a client may have to read before its next frame, or the next page for it, waits. */
  unreadBytes: number;
  /** The longest JSON of a frame that is no `sync`. */
  maxFrameBytes: number;
  /** Counts and logs; must not throw. */
  observe: {
    frame(type: InboundType | "refused", bytes: number): void;
    push(): void;
    slow(): void;
    failure(error: unknown, facts: SocketFacts): void;
  };
}

/** What one upgrade request agreed on. */
export interface ConnectionParams {
  id: string;
  caller: Caller;
  /** See HubSocket. */
  tokenEndsAt: number | undefined;
  openedAt: number;
  gzip: boolean;
  resuming: boolean;
  /** Both of the user, whatever number of sockets. */
  allowance: Allowance;
  unsent: UnsentBytes;
}

/** Frames read but not yet handled at which the socket is paused, and frames that may be on their way to a commit. */
const maxInbox = 128;
const maxInboxBytes = 512 * 1024;
const maxInFlight = 64;
/** Frames that count as what they ask for, beside as frames: many may be told that somebody types. */
const asks: Partial<Record<InboundType, "messages" | "syncs">> = {
  chat: "messages",
  typing: "messages",
  sync: "syncs",
};
/** Frames that may commit side by side: the write lanes keep those of one conversation or position in order. */
const pipelined: ReadonlySet<InboundType> = new Set(["chat", "ack", "delivery", "read"]);

const served = Symbol("connection");
/** A socket that tells whose it is. */
type ServedSocket = WebSocket & { [served]?: Connection };

/** Of an event of any socket, told with the connection that it serves. */
function listener(act: (connection: Connection, data: Buffer, isBinary: boolean) => void) {
  return function (this: ServedSocket, data: Buffer, isBinary: boolean): void {
    const connection = this[served];
    if (connection !== undefined) act(connection, data, isBinary);
  };
}

/** One client socket: handles its frames one after another, and is the only writer to it. */
export class Connection implements HubSocket, HeartbeatSocket, FrameSource, AsyncDisposable {
  readonly id: string;
  readonly caller: Caller;
  readonly resuming: boolean;
  readonly openedAt: number;
  readonly tokenEndsAt: number | undefined;
  readonly #ws: WebSocket;
  readonly #deps: ConnectionDeps;
  readonly #gzip: boolean;
  readonly #allowance: Allowance;
  readonly #queue: SendQueue;
  readonly #confirmations = new PongConfirmations();
  readonly #backlog: ReturnType<typeof createBacklog> | undefined;
  readonly #inbox: { data: Buffer; kind: "text" | "binary" | "ping" }[] = [];
  readonly #inFlight: Promise<void>[] = [];
  #inboxBytes = 0;
  #handling = false;
  #lastActivityAt: number;

  constructor(ws: WebSocket, raw: Duplex, params: ConnectionParams, deps: ConnectionDeps) {
    this.#ws = ws;
    this.#deps = deps;
    this.#gzip = params.gzip;
    this.#allowance = params.allowance;
    this.id = params.id;
    this.caller = params.caller;
    this.resuming = params.resuming;
    this.openedAt = params.openedAt;
    this.tokenEndsAt = params.tokenEndsAt;
    this.#lastActivityAt = deps.now();
    this.#queue = new SendQueue(ws, raw, { unsent: params.unsent, onSlow: () => this.#onSlow() });
    this.#backlog = params.resuming ? undefined : this.#createBacklog();
    (ws as ServedSocket)[served] = this;
    for (const [event, listener] of Connection.#listeners) ws.on(event, listener);
  }

  /** One function for all sockets: five of its own for each would be a tenth of what an idle one takes. */
  static readonly #listeners: [string, (this: ServedSocket, data: Buffer, isBinary: boolean) => void][] = [
    ["message", listener((connection, data, isBinary) => connection.#receive(data, isBinary ? "binary" : "text"))],
    ["ping", listener((connection, data) => connection.#receive(data, "ping"))],
    ["pong", listener((connection, data) => connection.#ponged(data))],
    ["error", () => undefined],
    ["close", listener((connection) => connection.#queue.close())],
  ];

  get userId(): number {
    return this.caller.userId;
  }

  /** Of the access token; undefined for a token of the old server. */
  get sessionId(): number | undefined {
    return this.caller.sessionId;
  }

  /** Sends what waited for the client; live pushes follow it. */
  async start(): Promise<void> {
    try {
      await this.#backlog?.run();
      this.ping();
    } catch (error) {
      this.#deps.observe.failure(error, this.facts());
      this.close("failed");
    }
  }

  reply(frame: OutboundFrame | string): void {
    this.#queue.send(websocketFrame("text", typeof frame === "string" ? frame : JSON.stringify(frame)));
  }

  onClose(run: () => Promise<void>): void {
    const closed = (): void => void run().catch((error: unknown) => this.#deps.observe.failure(error, this.facts()));
    if (this.#ws.readyState === this.#ws.CLOSED) closed();
    else this.#ws.once("close", closed);
  }

  ready(): Promise<void> {
    return this.#queue.below(this.#deps.unreadBytes);
  }

  push(push: Push): void {
    if (this.#backlog === undefined) this.#forward(push);
    else this.#backlog.push(push);
  }

  evict(): void {
    this.close("tooMany");
  }

  end(why: EndReason): void {
    this.close(why);
  }

  lastActivityAt(): number {
    return this.#lastActivityAt;
  }

  ping(): void {
    this.#queue.giveUpIfStalled();
    if (this.#isOpen()) this.#queue.send(websocketFrame("ping", this.#confirmations.pingPayload()));
  }

  expire(): void {
    this.close("silent");
  }

  /** What the log says of it. */
  facts(): SocketFacts {
    return { socket: this.id, user: this.userId, session: this.sessionId };
  }

  queueBytes(): number {
    return this.#queue.bytes();
  }

  /** Says why, and cuts the line if the client does not answer in time. */
  close(why: keyof typeof closeCodes): void {
    const { code, reason } = closeCodes[why];
    this.#ws.close(code, reason);
    const cut = setTimeout(() => this.#ws.terminate(), 3_000);
    this.#ws.once("close", () => clearTimeout(cut));
  }

  /** Finishes the frames already taken, then closes; resolves when the socket is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#dropInbox();
    await Promise.all(this.#inFlight);
    // The acks of those frames leave in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#ws.readyState === this.#ws.CLOSED) return;
    this.close("restart");
    await once(this.#ws, "close");
  }

  #createBacklog(): ReturnType<typeof createBacklog> {
    return createBacklog({
      userId: this.userId,
      batched: this.#gzip,
      read: this.#deps.backlog,
      send: (frame) => this.reply(this.#gzip ? frame : withPairId(frame)),
      forward: (push) => this.#forward(push),
      sent: (conversationId, messageId) => this.#noteSent(conversationId, messageId),
      revised: (conversationId, ver) =>
        this.#confirmations.sent(`revisions ${conversationId}`, () =>
          this.#deps.deliveries.revisions(this.caller, conversationId, ver),
        ),
      pause: (ms) => this.#deps.pause(ms),
      isOpen: () => this.#isOpen(),
      ready: () => this.ready(),
      overflow: () => this.#onSlow(),
    });
  }

  /** A client that negotiated gzip says itself what it received; of others a pong is the proof. */
  #noteSent(conversationId: number, messageId: number): void {
    if (this.#gzip) return;
    const confirm = (): void => this.#deps.deliveries.messages(this.caller, messageId);
    this.#confirmations.sent(`message ${conversationId}`, confirm);
  }

  #isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  #forward({ frame }: Push): void {
    this.#deps.observe.push();
    const isNew = this.#gzip || this.resuming;
    this.#queue.send(isNew ? frame.bytes(this.#gzip) : frame.pairedBytes());
  }

  #ponged(data: Buffer): void {
    this.#lastActivityAt = this.#deps.now();
    this.#confirmations.pong(data.toString("latin1"));
    this.#deps.userActive(this.userId);
  }

  #receive(data: Buffer, kind: "text" | "binary" | "ping"): void {
    if (!this.#isOpen()) return;
    this.#lastActivityAt = this.#deps.now();
    this.#inbox.push({ data, kind });
    this.#inboxBytes += data.length;
    if (this.#inbox.length >= maxInbox || this.#inboxBytes >= maxInboxBytes) this.#ws.pause();
    if (!this.#handling) void this.#handleAll();
  }

  async #handleAll(): Promise<void> {
    this.#handling = true;
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      const { data, kind } = next;
      this.#inboxBytes -= data.length;
      const bytes = Math.min(jsonBytes(data, kind === "binary"), limits.syncFrameBytes);
      const wait = Math.max(this.#allowance.take("frames"), this.#allowance.take("bytes", bytes));
      if (!(await this.#isThereAfter(this.#pause(wait)))) break;
      // Whoever does not read the answers is not asked for more.
      if (this.#queue.bytes() > this.#deps.unreadBytes && !(await this.#isThereAfter(this.ready()))) break;
      if (kind === "ping") this.#queue.send(websocketFrame("pong", data));
      else await this.#handle(data, kind === "binary");
      const isLow = this.#inbox.length < maxInbox / 2 && this.#inboxBytes < maxInboxBytes / 2;
      if (this.#ws.isPaused && isLow) this.#ws.resume();
    }
    this.#handling = false;
  }

  #pause(ms: number): Promise<void> | undefined {
    return ms === 0 ? undefined : this.#deps.pause(ms);
  }

  /** Waits. False: the client is gone by then; what it had sent without an answer is not done any more. */
  async #isThereAfter(wait: Promise<void> | undefined): Promise<boolean> {
    if (wait === undefined) return true;
    await wait;
    if (!this.#isOpen()) this.#dropInbox();
    return this.#isOpen();
  }

  #dropInbox(): void {
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
  }

  /** A frame that is not pipelined waits for all before it, and those after it wait for it. */
  async #handle(data: Buffer, binary: boolean): Promise<void> {
    try {
      const frame = await parseFrame(data, binary, this.#deps.maxFrameBytes);
      this.#deps.observe.frame(frame.type, data.length);
      const asked = asks[frame.type];
      const wait = asked === undefined ? undefined : this.#pause(this.#allowance.take(asked));
      if (!(await this.#isThereAfter(wait))) return;
      if (!pipelined.has(frame.type)) await Promise.all(this.#inFlight);
      // The schema of the type has been checked, which the compiler cannot see across the map.
      const handler = this.#deps.handlers[frame.type] as (
        source: FrameSource,
        payload: unknown,
      ) => Promise<void> | void;
      const done = Promise.resolve(handler(this, frame.payload)).catch((error: unknown) => this.#refuse(error));
      if (!pipelined.has(frame.type)) return await done;
      const inFlight = this.#inFlight;
      inFlight.push(done);
      void done.finally(() => inFlight.splice(inFlight.indexOf(done), 1));
      if (inFlight.length >= maxInFlight) await Promise.race(inFlight);
    } catch (error) {
      if (error instanceof FrameRefusal) this.#deps.observe.frame("refused", data.length);
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    const refusal = error instanceof FrameRefusal ? error : new FrameRefusal("processing_failed");
    const cause = refusal === error ? refusal.cause : error;
    if (cause !== undefined) this.#deps.observe.failure(cause, this.facts());
    this.reply({
      type: "error",
      error: frameErrors[refusal.code],
      code: refusal.code,
      ...(refusal.details === undefined ? {} : { details: refusal.details }),
      ...(refusal.clientId === undefined ? {} : { client_id: refusal.clientId }),
    });
  }

  #onSlow(): void {
    this.#deps.observe.slow();
    this.close("slow");
  }
}
