import type { OutboundFrame } from "@om/protocol";

/** One WebSocket, from the moment it is open until it is closed. */
export interface Socket {
  /** @returns false when it is not open any more */
  send(frame: { type: string; payload: unknown }): boolean;
  close(): void;
}

export interface SocketOptions {
  url: string;
  signal: AbortSignal;
  /** How long the handshake may take, and how long the server may be silent after a ping, in ms. */
  openTimeoutMs: number;
  pingEveryMs: number;
  pongTimeoutMs: number;
  onFrame: (frame: OutboundFrame) => void;
  onPing: () => void;
  /** Called exactly once after the socket was open. */
  onClose: (code: number) => void;
}

/** A socket did not open. `status`: what the server answered, 0: nothing, undefined: it is not known, as in a browser. */
export class HandshakeError extends Error {
  readonly status: number | undefined;
  /** When to come again, if the server has said so, in ms. */
  readonly retryAfterMs: number;

  constructor(message: string, status?: number, retryAfterMs = 0) {
    super(message);
    this.name = "HandshakeError";
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

export type OpenSocket = (options: SocketOptions) => Promise<Socket>;

/** Pings without an answer after which the server is believed to read nothing, whatever it sends; few, for a slow line takes its time. */
const maxUnanswered = 3;

/**
 * Opens a socket that notices a dead line: it pings, and closes itself when nothing at all arrives in time, or never an answer.
 * @throws HandshakeError when it does not open
 */
export const openSocket: OpenSocket = async (options) => {
  const dialled = await dial(options.url);
  try {
    await opened(dialled, options);
  } catch (error) {
    dialled.socket.close();
    throw error;
  }
  return watch(dialled.socket, options);
};

interface Dialled {
  socket: WebSocket;
  /** Calls back with the answer that refuses the handshake, where the platform tells it. */
  onRefused: (listener: (status: number, retryAfterMs: number) => void) => void;
  /** What a failure without such an answer means. */
  silence: 0 | undefined;
}

async function dial(url: string): Promise<Dialled> {
  if ("WebSocket" in globalThis) {
    return { socket: new WebSocket(url), onRefused: () => undefined, silence: undefined };
  }
  const { WebSocket: NodeSocket } = await import("ws");
  const socket = new NodeSocket(url, { perMessageDeflate: false });
  return {
    socket: socket as unknown as WebSocket,
    onRefused(listener) {
      socket.once("unexpected-response", (request, response) => {
        listener(response.statusCode ?? 0, 1_000 * (Number(response.headers["retry-after"]) || 0));
        request.destroy();
      });
    },
    silence: 0,
  };
}

function opened({ socket, onRefused, silence }: Dialled, { openTimeoutMs, signal }: SocketOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, status: number | undefined, retryAfterMs = 0): void => {
      clearTimeout(timer);
      reject(new HandshakeError(why, status, retryAfterMs));
    };
    const timer = setTimeout(() => fail("the server did not answer in time", 0), openTimeoutMs);
    signal.addEventListener("abort", () => fail("stopped", 0), { once: true });
    if (signal.aborted) fail("stopped", 0);
    onRefused((status, after) => fail(`the handshake was answered with ${status}`, status, after));
    socket.addEventListener("error", () => fail("the socket did not open", silence));
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function watch(socket: WebSocket, options: SocketOptions): Socket {
  let isAlive = true;
  let unanswered = 0;
  let closed = false;
  let deadline: ReturnType<typeof setTimeout> | undefined;
  const end = (code: number): void => {
    if (closed) return;
    closed = true;
    clearInterval(pinger);
    clearTimeout(deadline);
    options.onClose(code);
  };
  const send = (frame: { type: string; payload: unknown }): boolean => {
    if (closed || socket.readyState !== socket.OPEN) return false;
    socket.send(JSON.stringify(frame));
    return true;
  };
  const close = (code: number): void => {
    socket.close();
    // A dead line does not answer a close either.
    end(code);
  };
  const pinger = setInterval(() => {
    if (unanswered === maxUnanswered) return close(1006);
    isAlive = false;
    unanswered += 1;
    if (!send({ type: "ping", payload: {} })) return;
    options.onPing();
    clearTimeout(deadline);
    deadline = setTimeout(() => (isAlive ? undefined : close(1006)), options.pongTimeoutMs);
  }, options.pingEveryMs);
  socket.addEventListener("close", (event) => end(event.code));
  socket.addEventListener("message", (event) => {
    isAlive = true;
    const frame = closed ? undefined : parseFrame(event.data);
    if (frame?.type === "pong") unanswered = 0;
    if (frame !== undefined) options.onFrame(frame);
  });
  return { send, close: () => close(1000) };
}

/** Frames that cannot be read are skipped: a later catch-up brings what they said. */
function parseFrame(data: unknown): OutboundFrame | undefined {
  try {
    const frame: unknown = typeof data === "string" ? JSON.parse(data) : undefined;
    return typeof frame === "object" && frame !== null && "type" in frame ? (frame as OutboundFrame) : undefined;
  } catch {
    return undefined;
  }
}
