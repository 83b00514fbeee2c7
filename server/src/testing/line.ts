import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { InboundType } from "@om/protocol";
import { WebSocket, WebSocketServer, type ClientOptions } from "ws";
import { Connection, type ConnectionDeps } from "../websocket/connection.ts";
import type { FrameHandlers } from "../websocket/frame-handlers.ts";
import { createTokenBucket, type TokenBucket } from "../websocket/token-bucket.ts";

/** Both ends of a WebSocket: a real client and the connection that serves it. */
export interface Line {
  client: WebSocket;
  connection: Connection;
  /** The server's end beneath the connection. */
  served: WebSocket;
  /** What the client was sent, parsed. */
  frames: Record<string, unknown>[];
  closed: Promise<{ code: number; reason: string }>;
  send(type: InboundType, payload: unknown): void;
  /** The next frame of a type that was not taken yet. */
  next(type: string): Promise<Record<string, unknown>>;
}

export interface LineServer extends AsyncDisposable {
  /** Moved by the test only; a pause moves it by as much. */
  clock: { now: number };
  /** Every pause that connections asked for, in ms. */
  pauses: number[];
  /** What was reported as failed. */
  failures: unknown[];
  connect(options?: LineOptions): Promise<Line>;
}

export interface LineOptions {
  gzip?: boolean;
  resuming?: boolean;
  bucket?: TokenBucket;
  client?: ClientOptions;
}

/** Connections over real sockets, with handlers, clock and pauses of the test. */
export async function openLines(
  given: { handlers?: Partial<FrameHandlers>; deps?: Partial<ConnectionDeps> } = {},
): Promise<LineServer> {
  const [clock, pauses, failures]: [{ now: number }, number[], unknown[]] = [{ now: 1_700_000_000_000 }, [], []];
  const ignore = (): void => undefined;
  const deps: ConnectionDeps = {
    handlers: {
      ping: (source) => source.reply({ type: "pong" }),
      pong: ignore,
      chat: ignore,
      ack: ignore,
      delivery: ignore,
      read: ignore,
      group_read: ignore,
      typing: ignore,
      sync: ignore,
      ...given.handlers,
    },
    backlog: { messages: async () => [], news: async () => [] },
    proofs: { received: ignore, told: ignore },
    heard: ignore,
    now: () => clock.now,
    async pause(ms) {
      pauses.push(ms);
      clock.now += ms;
    },
    sendQueueBytes: 8 * 1024 * 1024,
    observe: { frame: ignore, push: ignore, slow: ignore, failure: (error) => void failures.push(error) },
    ...given.deps,
  };
  const server = createServer();
  const accepting = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 8 * 1024 * 1024 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  let made = 0;
  return {
    clock,
    pauses,
    failures,
    async connect({ gzip = false, resuming = true, bucket, client: options } = {}) {
      const client = new WebSocket(url, { perMessageDeflate: false, ...options });
      const [[served, request]] = (await Promise.all([once(accepting, "connection"), once(client, "open")])) as [
        [WebSocket, { socket: Socket }],
        unknown,
      ];
      const caller = { userId: (made += 1), email: "", role: "user" };
      const unlimited = createTokenBucket(0, 1, deps.now);
      const terms = { id: String(made), caller, gzip, resuming, bucket: bucket ?? unlimited };
      return { ...listen(client), served, connection: new Connection(served, request.socket, terms, deps) };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of accepting.clients) socket.terminate();
      accepting.close();
      server.close();
      await once(server, "close");
    },
  };
}

function listen(client: WebSocket): Omit<Line, "connection" | "served"> {
  const [frames, untaken]: [Record<string, unknown>[], Record<string, unknown>[]] = [[], []];
  const waiting: { type: string; resolve: (frame: Record<string, unknown>) => void }[] = [];
  client.on("message", (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as Record<string, unknown>;
    frames.push(frame);
    const index = waiting.findIndex(({ type }) => type === frame["type"]);
    const [waiter] = index < 0 ? [] : waiting.splice(index, 1);
    if (waiter === undefined) untaken.push(frame);
    else waiter.resolve(frame);
  });
  client.on("error", () => undefined);
  return {
    client,
    frames,
    closed: once(client, "close").then(([code, reason]) => ({ code: Number(code), reason: String(reason) })),
    send: (type, payload) => client.send(JSON.stringify({ type, payload })),
    next(type) {
      const index = untaken.findIndex((frame) => frame["type"] === type);
      const [frame] = index < 0 ? [] : untaken.splice(index, 1);
      return frame === undefined ? new Promise((resolve) => waiting.push({ type, resolve })) : Promise.resolve(frame);
    },
  };
}
