import type { Endpoint } from "./connection.ts";
import { failureText } from "./failure-text.ts";
import { RedisUnavailable, type Commands } from "./redis.ts";
import { askNode, askTopology, addressText, type Address, type Topology } from "./topology.ts";

export interface TopologyWatchOptions {
  /** Nodes to ask when there is none to be found otherwise. */
  seeds: readonly Endpoint[];
  /** Masters that can be asked now. */
  members: () => readonly { address: Address; commands: Commands }[];
  /** Everything that is known works: no need to ask others. */
  isHealthy: () => boolean;
  onTopology: (topology: Topology) => void;
  /** Nobody has answered; a text without secrets. */
  onNoAnswer: (why: string) => void;
  random: () => number;
}

/** Between two rounds of questions, in ms, up to half of it less so that many nodes do not come at once. */
const pauses = { healthy: 1_000, unhealthy: 500, soon: 100 };
/** Nodes that are asked over connections of their own in one round. */
const candidatesPerRound = 3;

/**
 * Asks all masters what the cluster looks like, and while something is wrong also a few other nodes in turn, as masters that are cut off
 * know nothing of those that have taken their place. Of different answers that of the highest epoch counts, those first whose nodes
 * take commands.
 */
export function createTopologyWatch(options: TopologyWatchOptions) {
  const { seeds, members, isHealthy, random } = options;
  const candidates = roundRobin(seeds);
  let timer: NodeJS.Timeout | undefined;
  let isAskedSoon = false;
  let isAsking = false;
  let isStopped = false;

  function ask(): Promise<Topology> {
    const known = members();
    const asked = new Set(known.map(({ address }) => addressText(address)));
    const answers = known.map(async ({ address, commands }) => ({
      ...(await askTopology((ms, command, ...args) => commands.call(ms, command, ...args), address.host)),
      by: addressText(address),
    }));
    const others = isHealthy() ? [] : candidates.next(candidatesPerRound, asked);
    return newestOf([...answers, ...others.map(async (node) => ({ ...(await askNode(node)), by: addressText(node) }))]);
  }

  async function round(): Promise<void> {
    isAsking = true;
    isAskedSoon = false;
    try {
      const topology = await ask();
      if (isStopped) return;
      candidates.learn([...topology.masters, ...topology.replicas]);
      options.onTopology(topology);
    } catch (error) {
      if (!isStopped) options.onNoAnswer(failureText(error));
    } finally {
      isAsking = false;
      plan();
    }
  }

  function plan(): void {
    clearTimeout(timer);
    if (isStopped || isAsking) return;
    const pause = isAskedSoon ? pauses.soon : isHealthy() ? pauses.healthy : pauses.unhealthy;
    timer = setTimeout(() => void round(), pause * (0.5 + random() / 2)).unref();
  }

  return {
    /** Asks at once, and from then on again and again. */
    start: (): void => void (isAsking || timer !== undefined || isStopped || round()),
    /** Something has changed: asks within 100 ms. */
    askSoon(): void {
      if (isAskedSoon) return;
      isAskedSoon = true;
      plan();
    },
    stop(): void {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
export type TopologyWatch = ReturnType<typeof createTopologyWatch>;

/** @throws what went wrong with the first, when there is no answer at all */
async function newestOf(asked: Promise<Topology & { by: string }>[]): Promise<Topology> {
  const ends = await Promise.allSettled(asked);
  // A node that belongs to no cluster, or has forgotten it, knows nothing.
  const answers = ends.flatMap((end) =>
    end.status === "fulfilled" && end.value.masters.length > 0 ? [end.value] : [],
  );
  // A replica that is cut off raises the epoch with every vote that it asks for.
  const [newest] = answers.toSorted((a, b) => Number(b.isOk) - Number(a.isOk) || b.epoch - a.epoch);
  if (newest === undefined) {
    throw (
      ends.find((end) => end.status === "rejected")?.reason ?? new RedisUnavailable("error", "no node knows of masters")
    );
  }
  const masters = new Set(newest.masters.map(addressText));
  return { ...newest, isOk: newest.isOk && answers.every(({ by, isOk }) => isOk || !masters.has(by)) };
}

/** All nodes that were ever seeds or are known now, one after the other. */
function roundRobin(seeds: readonly Endpoint[]) {
  let known: readonly Address[] = [];
  let turn = 0;
  return {
    learn: (nodes: readonly Address[]) => void (known = nodes),
    next(count: number, except: ReadonlySet<string>): Endpoint[] {
      const all = new Map([...seeds, ...known].map((address) => [addressText(address), address]));
      const others = [...all].filter(([name]) => !except.has(name)).map(([, address]) => address);
      const first = turn;
      turn += count;
      return Array.from({ length: Math.min(count, others.length) }, (_, i) => {
        const { host, port } = others[(first + i) % others.length] as Address;
        return { ...(seeds[0] as Endpoint), host, port };
      });
    },
  };
}
