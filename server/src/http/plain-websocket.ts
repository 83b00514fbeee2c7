import type { FastifyInstance } from "fastify";
import { wsQuery } from "@om/protocol";
import { authenticate, checkOrigin, type AccessRules } from "./access.ts";
import { sendText } from "./answers.ts";

/** `/ws` without an upgrade: who may not come in is told so, who may is told to upgrade (wire contract §4.1). */
export function addPlainWebSocketRoute(app: FastifyInstance, { verify, isAllowed }: AccessRules): void {
  app.get("/ws", async (request, reply) => {
    checkOrigin(request, isAllowed);
    const query = request.query as Record<string, string | undefined>;
    await authenticate(request, verify, query[wsQuery.token]);
    return sendText(reply, 426, "Upgrade Required");
  });
}
