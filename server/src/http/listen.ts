import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";

/** The port cannot be bound; the message is one line for the operator. */
export class PortUnavailable extends Error {}

const reasons: Record<string, string> = {
  EADDRINUSE: "is in use by another program; PORT names another one",
  EACCES: "may not be bound by this user; PORT names another one",
  EADDRNOTAVAIL: "is no address of this machine; HOST names another one",
};

/** @returns such as `http://127.0.0.1:8080`. @throws PortUnavailable */
export async function listen(http: FastifyInstance, { host, port }: { host: string; port: number }): Promise<string> {
  try {
    await http.listen({ host, port });
  } catch (error) {
    const reason = reasons[String((error as { code?: unknown }).code)];
    if (reason === undefined) throw error;
    throw new PortUnavailable(`port ${port} of ${host} ${reason}`);
  }
  return `http://${browsableHost(host)}:${(http.server.address() as AddressInfo).port}`;
}

/** A host that a browser on this machine can open. */
function browsableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
