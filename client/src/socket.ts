import type { OutboundFrame } from "@om/protocol";

/** One WebSocket, from the moment it is open until it is closed. */
export interface Socket {
  send(frame: { type: string; payload: unknown }): void;
  close(): void;
}

export interface SocketOptions {
  url: string;
  /** How long the handshake may take, and how long the server may be silent after a ping, in ms. */
  openTimeoutMs: number;
  pingEveryMs: number;
  pongTimeoutMs: number;
  onFrame: (frame: OutboundFrame) => void;
  /** Called exactly once after the socket was open. */
  onClose: (code: number) => void;
}

/**
 * Opens a socket that notices a dead line: it pings, and closes itself when nothing at all arrives in time.
 * @throws Error when it does not open
 */
export async function openSocket(options: SocketOptions): Promise<Socket> {
  const WebSocketClass = globalThis.WebSocket ?? ((await import("ws")).WebSocket as unknown as typeof WebSocket);
  const socket = new WebSocketClass(options.url);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.close();
      reject(new Error("the server did not answer the handshake in time"));
    }, options.openTimeoutMs);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.addEventListener("error", () => {
      clearTimeout(timer);
      reject(new Error("the socket did not open"));
    });
  });
  return watch(socket, options);
}

function watch(socket: WebSocket, options: SocketOptions): Socket {
  let heard = true;
  let closed = false;
  let deadline: ReturnType<typeof setTimeout> | undefined;
  const end = (code: number): void => {
    if (closed) return;
    closed = true;
    clearInterval(pinger);
    clearTimeout(deadline);
    options.onClose(code);
  };
  const pinger = setInterval(() => {
    heard = false;
    socket.send(JSON.stringify({ type: "ping", payload: {} }));
    deadline = setTimeout(() => {
      if (heard) return;
      socket.close();
      // A dead line does not answer a close either.
      end(1006);
    }, options.pongTimeoutMs);
  }, options.pingEveryMs);
  socket.addEventListener("close", (event) => end(event.code));
  socket.addEventListener("message", (event) => {
    heard = true;
    if (!closed && typeof event.data === "string") options.onFrame(JSON.parse(event.data) as OutboundFrame);
  });
  return {
    send: (frame) => {
      if (!closed && socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame));
    },
    close: () => {
      socket.close();
      end(1000);
    },
  };
}
