import { once } from "node:events";
import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";
import { createFlow, type Flow } from "./fault-flow.ts";

/**
 * What the way to a server does. TCP never loses the middle of a stream, so a connection that has once swallowed a byte in some
 * direction swallows all that follows there, whatever comes after `blackhole` and `drop`; only new connections are whole again.
 *
 * - `pass`: carries everything
 * - `refuse`: resets every connection, old and new
 * - `blackhole`: accepts, swallows and never answers
 * - `drop`: swallows what the client says and carries what the server says
 * - `reset`: resets every connection there is, once, and passes from then on
 * - `delay`: carries everything that many ms late, each way
 * - `cut`: lets that many bytes of the next answer through, closes its connection and passes from then on
 */
export type Fault =
  | "pass"
  | "refuse"
  | "blackhole"
  | "drop"
  | "reset"
  | { readonly delay: number }
  | { readonly cut: number };

/** A TCP proxy on a free port of loopback that can be told to fail. */
export interface FaultProxy extends AsyncDisposable {
  /** Where it listens, such as `127.0.0.1:40123`. */
  readonly address: string;
  readonly port: number;
  /** From now on. */
  mode(fault: Fault): void;
  /** Connections that come from now on go to another port of loopback; those there are stay where they are. */
  aim(targetPort: number): void;
  /** So far: connections taken, those open now, and bytes carried and swallowed, both ways together. */
  counts(): { accepted: number; open: number; carried: number; swallowed: number };
}

/** One client, the server behind it and what flows between them. */
interface ProxiedConnection {
  readonly client: Socket;
  readonly server: Socket;
  readonly up: Flow;
  readonly down: Flow;
}

interface ProxyPath {
  targetPort: number;
  readonly counts: { accepted: number; carried: number; swallowed: number };
  readonly connections: Set<ProxiedConnection>;
  fault: Fault;
  /** Of `cut`: what may still pass of the next answer. */
  left: number;
}

/** @param targetPort of loopback */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const counts = { accepted: 0, carried: 0, swallowed: 0 };
  const path: ProxyPath = { targetPort, counts, connections: new Set(), fault: "pass", left: Number.POSITIVE_INFINITY };
  const { connections } = path;
  const take = (client: Socket): void => connect(path, client);
  const listener = createServer({ noDelay: true, allowHalfOpen: true }, take).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    mode(fault) {
      path.fault = fault === "reset" ? "pass" : fault;
      path.left = typeof fault === "object" && "cut" in fault ? fault.cut : Number.POSITIVE_INFINITY;
      for (const connection of connections) {
        if (fault === "reset" || fault === "refuse") end(connection, "reset");
        stall(connection, fault);
        connection.up.pump();
        connection.down.pump();
      }
    },
    aim: (targetPort) => void (path.targetPort = targetPort),
    counts: () => ({ ...counts, open: [...connections].filter(({ client }) => !client.destroyed).length }),
    async [Symbol.asyncDispose]() {
      const closed = once(listener, "close");
      listener.close();
      for (const connection of connections) end(connection, "close");
      await closed;
    },
  };
}

function connect(path: ProxyPath, client: Socket): void {
  path.counts.accepted += 1;
  if (path.fault === "refuse") return void client.resetAndDestroy();
  const server = createConnection({ port: path.targetPort, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  const delay = (): number => (typeof path.fault === "object" && "delay" in path.fault ? path.fault.delay : 0);
  const swallow = (bytes: number): void => void (path.counts.swallowed += bytes);
  const carry = (chunk: Buffer): Buffer => {
    path.counts.carried += chunk.length;
    return chunk;
  };
  let wasCut = false;
  /** What goes on to the client; the rest of a cut answer does not. */
  const answer = (chunk: Buffer): Buffer => {
    if (wasCut) return Buffer.alloc(0);
    path.left -= chunk.length;
    if (path.left > 0) return carry(chunk);
    const through = chunk.subarray(0, chunk.length + path.left);
    path.left = Number.POSITIVE_INFINITY;
    path.fault = "pass";
    wasCut = true;
    // What was let through leaves first.
    setImmediate(() => end(connection, "close"));
    return carry(through);
  };
  const up = createFlow({ from: client, to: server, delay, swallow, carry });
  const down = createFlow({ from: server, to: client, delay, swallow, carry: answer });
  const connection: ProxiedConnection = { client, server, up, down };
  path.connections.add(connection);
  stall(connection, path.fault);
  client.on("error", () => end(connection, "reset"));
  client.on("end", () => up.silent && end(connection, "close"));
  server.on("error", () => !down.silent && end(connection, "reset"));
  for (const socket of [client, server]) {
    socket.on("close", () => client.destroyed && server.destroyed && path.connections.delete(connection));
  }
}

/** Closes both sides at once; `reset` tells them that it was no orderly end. */
function end({ client, server }: ProxiedConnection, how: "close" | "reset"): void {
  for (const socket of [client, server]) {
    if (how === "reset") socket.resetAndDestroy();
    else socket.destroy();
  }
}

function stall({ up, down }: ProxiedConnection, fault: Fault): void {
  up.stall(fault === "blackhole" || fault === "drop");
  down.stall(fault === "blackhole");
}
