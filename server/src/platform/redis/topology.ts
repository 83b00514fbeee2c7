import { deferred } from "../deferred.ts";
import { Connection, type Endpoint } from "./connection.ts";
import { login } from "./handshake.ts";
import { infoField } from "./info.ts";
import { RedisUnavailable, type Reply } from "./redis.ts";
import { slotCount } from "./slots.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A cluster as one of its nodes knows it. */
export interface Topology {
  /** The cluster's current epoch: rises with every failover, and stays behind at a node that is cut off. */
  epoch: number;
  /** The node takes commands: it reaches most of the others, and every slot has a master. */
  isOk: boolean;
  /** Who has slots. */
  masters: readonly Address[];
  /** For each slot its master, as index; -1: nobody. */
  owners: Int16Array;
  replicas: readonly Address[];
}

/** How long an answer may take, in ms. */
const timeoutMs = 200;
/** How long it may take in all to connect to a node and ask it, in ms. */
const askTimeoutMs = 500;

export const addressText = ({ host, port }: Address): string => `${host}:${port}`;

/** @param call sends a command to a node @param host how it is reached. @throws RedisUnavailable */
export async function askTopology(
  call: (timeoutMs: number, command: string, ...args: string[]) => Promise<Reply>,
  host: string,
): Promise<Topology> {
  const [info, slots] = await Promise.all([call(timeoutMs, "CLUSTER", "INFO"), call(timeoutMs, "CLUSTER", "SLOTS")]);
  const epoch = Number(infoField(info, "cluster_current_epoch") ?? 0);
  return { epoch, isOk: infoField(info, "cluster_state") === "ok", ...readSlots(slots, host) };
}

/** Connects to a node, of whatever role, for this one question. @throws Error that says why it has no answer */
export async function askNode(endpoint: Endpoint): Promise<Topology> {
  const connected = deferred();
  const ended = deferred<never>();
  const events = {
    connected: () => connected.resolve(),
    closed: (why: string) => ended.reject(new RedisUnavailable("disconnected", why)),
    answered: () => undefined,
    failed: () => undefined,
  };
  const connection = new Connection(endpoint, events);
  const timer = setTimeout(() => connection.close("no answer in time"), askTimeoutMs);
  try {
    await Promise.race([connected.promise, ended.promise]);
    await login((command, ...args) => connection.call(timeoutMs, command, ...args), endpoint);
    return await Promise.race([
      askTopology((ms, ...command) => connection.call(ms, ...command), endpoint.host),
      ended.promise,
    ]);
  } finally {
    clearTimeout(timer);
    ended.promise.catch(() => undefined);
    connection.close("it was asked");
  }
}

/** @param host of the node that answered, which stands for a host that it does not know or tell */
export function readSlots(reply: Reply, host: string): Pick<Topology, "masters" | "owners" | "replicas"> {
  const masters = new Map<string, { address: Address; index: number }>();
  const replicas = new Map<string, Address>();
  const owners = new Int16Array(slotCount).fill(-1);
  for (const range of listOf(reply)) {
    const [first, last, ...nodes] = listOf(range);
    const [address, ...others] = nodes.map((node) => addressOf(node, host));
    if (address === undefined) continue;
    const known = masters.get(addressText(address)) ?? { address, index: masters.size };
    masters.set(addressText(address), known);
    owners.fill(known.index, Number(first), Number(last) + 1);
    for (const other of others) replicas.set(addressText(other), other);
  }
  return { masters: [...masters.values()].map(({ address }) => address), owners, replicas: [...replicas.values()] };
}

const listOf = (reply: Reply | undefined): Reply[] => (Array.isArray(reply) ? reply : []);

function addressOf(node: Reply, answeredBy: string): Address {
  const [host, port] = listOf(node);
  const said = Buffer.isBuffer(host) ? host.toString() : "";
  return { host: said === "" || said === "?" ? answeredBy : said, port: Number(port) };
}
