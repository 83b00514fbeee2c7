import { createServer, type OutgoingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

/**
 * A process of its own that does nothing but what the runtime must. It answers every GET with the same headers and bytes, which a POST
 * sets. A WebSocket at `/pair?me=A&peer=B&ack=N&push=N` has each of its frames acknowledged, filled up to N bytes, and given to the peer;
 * at `/all` each frame goes to all others there. What it reaches is the ceiling of any server on this runtime.
 */
let headers: OutgoingHttpHeaders = {};
let body = Buffer.from("{}");
const server = createServer((request, response) => {
  if (request.method === "POST") {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const set = JSON.parse(Buffer.concat(chunks).toString()) as { headers: OutgoingHttpHeaders; body: string };
      headers = set.headers;
      body = Buffer.from(set.body, "base64");
      response.end();
    });
    return;
  }
  response.writeHead(200, headers);
  response.end(body);
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
const all = new Map<WebSocket, Socket>();
const named = new Map<string, WebSocket>();
sockets.on("connection", (socket, request) => {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://bare");
  socket.on("error", () => undefined);
  if (pathname === "/all") join(socket, request.socket);
  if (pathname === "/pair") pair(socket, searchParams);
});

function pair(socket: WebSocket, settings: URLSearchParams): void {
  const [ack, push, peer] = [Number(settings.get("ack")), Number(settings.get("push")), settings.get("peer") ?? ""];
  named.set(settings.get("me") ?? "", socket);
  socket.on("message", (data: Buffer) => {
    const text = data.toString();
    socket.send(text.padEnd(ack));
    named.get(peer)?.send(text.padEnd(push));
  });
}

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
