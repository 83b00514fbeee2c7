import { createServer } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

/**
 * A process of its own that does nothing but what the runtime must: answers every GET with the same bytes (set by POST), and echoes
 * every WebSocket frame, or, of a socket that was opened at `/all`, sends it to all others there. What it reaches is the ceiling of any
 * server on this runtime.
 */
let body = Buffer.from("{}");
const server = createServer((request, response) => {
  if (request.method === "POST") {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      body = Buffer.concat(chunks);
      response.end();
    });
    return;
  }
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length });
  response.end(body);
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
const all = new Map<WebSocket, Socket>();
sockets.on("connection", (socket, request) => {
  if (request.url === "/all") return join(socket, request.socket);
  socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
});

/** Frames of one turn leave each socket in one write, as in any server that cares. */
let waiting: { from: WebSocket; data: Buffer }[] = [];

function join(socket: WebSocket, raw: Socket): void {
  all.set(socket, raw);
  socket.once("close", () => all.delete(socket));
  socket.on("message", (data) => {
    if (waiting.push({ from: socket, data: data as Buffer }) === 1) setImmediate(broadcast);
  });
}

function broadcast(): void {
  const frames = waiting;
  waiting = [];
  for (const [socket, raw] of all) {
    raw.cork();
    for (const { from, data } of frames) if (from !== socket) socket.send(data, { binary: false });
    raw.uncork();
  }
}

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" && address !== null ? address.port : 0);
});
process.once("disconnect", () => process.exit());
