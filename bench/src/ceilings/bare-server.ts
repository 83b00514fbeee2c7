import { createServer } from "node:http";
import { WebSocketServer, type WebSocket } from "ws";

/**
 * A process of its own that does nothing but what the runtime must: answers every GET with the same bytes (set by POST), and echoes
 * every WebSocket frame, or, on sockets opened at `/all`, sends it to all the others there. What it reaches is the ceiling of any server on this runtime.
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
const all = new Set<WebSocket>();
sockets.on("connection", (socket, { url }) => {
  if (url === "/all") return broadcast(socket);
  socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
});

function broadcast(socket: WebSocket): void {
  all.add(socket);
  socket.on("message", (data, isBinary) => {
    for (const other of all) if (other !== socket) other.send(data as Buffer, { binary: isBinary });
  });
  socket.once("close", () => all.delete(socket));
}

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" && address !== null ? address.port : 0);
});
process.once("disconnect", () => process.exit());
