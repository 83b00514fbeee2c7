import { createServer } from "node:http";
import { WebSocketServer } from "ws";

/**
 * A process of its own that does nothing but what the runtime must: answers every GET with the same bytes (set by POST), and echoes
 * every WebSocket frame. What it reaches is the ceiling of any server on this runtime.
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
sockets.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" && address !== null ? address.port : 0);
});
process.once("disconnect", () => process.exit());
