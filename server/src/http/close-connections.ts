import type { FastifyInstance } from "fastify";

/** Requests that still have no answer after this time are cut off, in ms. */
const connectionTimeoutMs = 5_000;

/**
 * Lets the server's connections end soon after `close()`: each answer says that it is the last one of its connection, from the moment
 * `isStopping` says so; connections that wait for nothing are closed, and what is left after `timeoutMs` is cut off.
 */
export function closeConnections(
  app: FastifyInstance,
  isStopping: () => boolean,
  timeoutMs = connectionTimeoutMs,
): void {
  let closing = false;
  app.addHook("onSend", async (_request, reply) => {
    if (closing || isStopping()) void reply.header("connection", "close");
  });
  app.addHook("preClose", async () => {
    closing = true;
    const { server } = app;
    if (!server.listening) return;
    const idle = setInterval(() => server.closeIdleConnections(), 100);
    const cut = setTimeout(() => server.closeAllConnections(), timeoutMs);
    server.once("close", () => {
      clearInterval(idle);
      clearTimeout(cut);
    });
  });
}
