import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { startRedis, type RedisServer } from "./redis.ts";

/** A Redis Cluster of our own, all of it on loopback and in temporary folders; gone when disposed. Needs Redis 7 or Valkey. */
export interface RedisCluster extends AsyncDisposable {
  /** Three that share the slots evenly. */
  readonly masters: readonly RedisServer[];
  /** One for each master, in the same order, or none. */
  readonly replicas: readonly RedisServer[];
  /** Such as `127.0.0.1:40123,127.0.0.1:40124,…`: all nodes. */
  readonly addresses: string;
  /** What redis-cli prints for a command that it takes to whichever node it belongs to. */
  cli(...args: string[]): string;
  /** The one of `masters` that a key belonged to at the beginning, as its index. */
  ownerOf(key: string): number;
  /** Resolves when every node that lives takes commands, replicas that have caught up included. */
  whole(): Promise<void>;
}

const slotCount = 16_384;
/** How long a step may take, in ms. */
const patience = 60_000;

/** @param settings of redis.conf, for each node. @param options.replicas gives each master one */
export async function startRedisCluster(
  settings: Record<string, string> = {},
  options: { replicas?: boolean } = {},
): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  const end = (): Promise<unknown> => Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  try {
    for (let i = 0; i < (options.replicas === true ? 6 : 3); i++)
      nodes.push(await startRedis(await nodeSettings(settings)));
    const cluster = { masters: nodes.slice(0, 3), replicas: nodes.slice(3) };
    await join(cluster);
    const [first] = nodes as [RedisServer];
    return {
      ...cluster,
      addresses: nodes.map(({ port }) => `127.0.0.1:${port}`).join(","),
      cli: (...args) => living(nodes).cli("-c", ...args),
      ownerOf: (key) => Math.floor((Number(first.cli("CLUSTER", "KEYSLOT", key)) * 3) / slotCount),
      whole: () => whole(cluster),
      [Symbol.asyncDispose]: async () => void (await end()),
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function nodeSettings(settings: Record<string, string>): Promise<Record<string, string>> {
  return {
    "cluster-enabled": "yes",
    "cluster-port": String(await freePort()),
    "cluster-node-timeout": "1000",
    "cluster-replica-validity-factor": "0",
    "repl-diskless-sync-delay": "0",
    ...settings,
  };
}

const busPort = (node: RedisServer): string => node.cli("CONFIG", "GET", "cluster-port").split("\n")[1] ?? "";
const isLiving = (node: RedisServer): boolean => {
  try {
    return node.cli("PING") === "PONG";
  } catch {
    return false;
  }
};

function living(nodes: readonly RedisServer[]): RedisServer {
  const found = nodes.find(isLiving);
  if (found === undefined) throw new Error("no node of the cluster is alive");
  return found;
}

async function join({ masters, replicas }: Pick<RedisCluster, "masters" | "replicas">): Promise<void> {
  const [first] = masters as [RedisServer];
  for (const [i, master] of masters.entries()) {
    master.cli("CLUSTER", "SET-CONFIG-EPOCH", String(i + 1));
    const from = Math.ceil((i * slotCount) / 3);
    master.cli("CLUSTER", "ADDSLOTSRANGE", String(from), String(Math.ceil(((i + 1) * slotCount) / 3) - 1));
  }
  for (const node of [...masters.slice(1), ...replicas]) {
    first.cli("CLUSTER", "MEET", "127.0.0.1", String(node.port), busPort(node));
  }
  for (const [i, replica] of replicas.entries()) {
    const id = masters[i]?.cli("CLUSTER", "MYID") ?? "";
    await until(`node ${i} of the cluster is known`, () => replica.cli("CLUSTER", "NODES").includes(id));
    replica.cli("CLUSTER", "REPLICATE", id);
  }
  await whole({ masters, replicas });
}

async function whole({ masters, replicas }: Pick<RedisCluster, "masters" | "replicas">): Promise<void> {
  const nodes = [...masters, ...replicas];
  await until("the cluster is whole", () => {
    const alive = nodes.filter(isLiving);
    // One that has come back takes itself for the master that it was, until it hears who has taken its place.
    if (alive.filter((node) => node.cli("ROLE").startsWith("master")).length !== masters.length) return false;
    return alive.every((node) => {
      const info = node.cli("CLUSTER", "INFO");
      const known = info.includes(`cluster_known_nodes:${nodes.length}`) && info.includes("cluster_size:3");
      const link = /master_link_status:(\w+)/.exec(node.cli("INFO", "replication"))?.[1] ?? "up";
      return info.includes("cluster_state:ok") && known && link === "up";
    });
  });
}

async function until(what: string, is: () => boolean): Promise<void> {
  const end = performance.now() + patience;
  while (!is()) {
    if (performance.now() > end) throw new Error(`not within ${patience} ms: ${what}`);
    await delay(50);
  }
}
