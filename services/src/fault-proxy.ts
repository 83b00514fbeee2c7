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
interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly up: Flow;
  readonly down: Flow;
}

interface Way {
  targetPort: number;
  readonly counts: { accepted: number; carried: number; swallowed: number };
  readonly links: Set<Link>;
  fault: Fault;
  /** Of `cut`: what may still pass of the next answer. */
  left: number;
}

/** @param targetPort of loopback */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const counts = { accepted: 0, carried: 0, swallowed: 0 };
  const way: Way = { targetPort, counts, links: new Set(), fault: "pass", left: Number.POSITIVE_INFINITY };
  const { links } = way;
  const take = (client: Socket): void => connect(way, client);
  const listener = createServer({ noDelay: true, allowHalfOpen: true }, take).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    mode(fault) {
      way.fault = fault === "reset" ? "pass" : fault;
      way.left = typeof fault === "object" && "cut" in fault ? fault.cut : Number.POSITIVE_INFINITY;
      for (const link of links) {
        if (fault === "reset" || fault === "refuse") end(link, "reset");
        silence(link, fault);
        link.up.pump();
        link.down.pump();
      }
    },
    aim: (targetPort) => void (way.targetPort = targetPort),
    counts: () => ({ ...counts, open: [...links].filter(({ client }) => !client.destroyed).length }),
    async [Symbol.asyncDispose]() {
      const closed = once(listener, "close");
      listener.close();
      for (const link of links) end(link, "close");
      await closed;
    },
  };
}

function connect(way: Way, client: Socket): void {
  way.counts.accepted += 1;
  if (way.fault === "refuse") return void client.resetAndDestroy();
  const server = createConnection({ port: way.targetPort, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  const delay = (): number => (typeof way.fault === "object" && "delay" in way.fault ? way.fault.delay : 0);
  const swallow = (bytes: number): void => void (way.counts.swallowed += bytes);
  const carry = (chunk: Buffer): Buffer => {
    way.counts.carried += chunk.length;
    return chunk;
  };
  let wasCut = false;
  /** What goes on to the client; the rest of a cut answer does not. */
  const answer = (chunk: Buffer): Buffer => {
    if (wasCut) return Buffer.alloc(0);
    way.left -= chunk.length;
    if (way.left > 0) return carry(chunk);
    const through = chunk.subarray(0, chunk.length + way.left);
    way.left = Number.POSITIVE_INFINITY;
    way.fault = "pass";
    wasCut = true;
    // What was let through leaves first.
    setImmediate(() => end(link, "close"));
    return carry(through);
  };
  const up = createFlow({ from: client, to: server, delay, swallow, carry });
  const down = createFlow({ from: server, to: client, delay, swallow, carry: answer });
  const link: Link = { client, server, up, down };
  way.links.add(link);
  silence(link, way.fault);
  client.on("error", () => end(link, "reset"));
  client.on("end", () => up.silent && end(link, "close"));
  server.on("error", () => !down.silent && end(link, "reset"));
  for (const socket of [client, server]) {
    socket.on("close", () => client.destroyed && server.destroyed && way.links.delete(link));
  }
}

/** Closes both sides at once; `reset` tells them that it was no orderly end. */
function end({ client, server }: Link, how: "close" | "reset"): void {
  for (const socket of [client, server]) {
    if (how === "reset") socket.resetAndDestroy();
    else socket.destroy();
  }
}

function silence({ up, down }: Link, fault: Fault): void {
  up.silence(fault === "blackhole" || fault === "drop");
  down.silence(fault === "blackhole");
}
