import { scripts, type Change, type Scripts, type Slot, type Value } from "./entry.ts";

/**
 * What epochs.ts explores: lives of Redis and of PostgreSQL. Redis restarts from an old file, or a replica that lagged behind takes over, perhaps while
 * some nodes still talk to the old primary. PostgreSQL fails over to a standby that lacks the last commits, and gives their
 * versions out again. Every node knows `cache_control` only as of its last poll, and trusts that for less than `freshFor` ticks.
 *
 * The steps of one key are coarser than in one-key.ts, which looks at what lies between them: a MARK is answered at once or not
 * at all, a reader probes and reads at once, a relay kills and deletes at once.
 */
export interface Rules {
  /**
   * Claims count on from the epoch that PostgreSQL remembers. For each life of PostgreSQL an epoch is drawn that never was, and nobody
   * reads before that; or there is only counting.
   */
  readonly drawnForEachLife: boolean;
  /** What keeps a write that was marked in the old Redis from going stale in the new one. */
  readonly fence: "epoch read under the lock" | "epoch read before the lock" | "none";
  /** The transaction also reads whether the epoch is of this life of PostgreSQL. */
  readonly fenceSeesLife: boolean;
  /** A node without a fresh poll uses no Redis. */
  readonly pollsExpire: boolean;
  /** A node serves no version below a dirty row that it has seen. */
  readonly floors: boolean;
  /** From when on a poll ages: from its question on, or only from its answer. */
  readonly pollsAge: "from the question" | "from the answer";
  /** A decoded object in a node's memory is used only when version and epoch agree with the header in Redis. */
  readonly l1ComparesEpochs: boolean;
}

export interface Epochs {
  readonly nodes: number;
  readonly commits: number;
  readonly freshFor: number;
  /** How often Redis restarts from an old copy; a failover leaves the old primary running. */
  readonly restarts: number;
  readonly failovers: number;
  /** How often an old copy comes back under the same run id. Not survivable: a run id must name one life of the data. */
  readonly silentRollbacks: number;
  /** How often PostgreSQL fails over to its standby. */
  readonly lostCommits: number;
  /** Messages on the way at once, at most; what would be one more is lost. */
  readonly inFlight: number;
  readonly l1: boolean;
  /** Answers to polls take time. Only for runs without restarts and failovers, where a poll has nothing else to notice. */
  readonly slowPolls: boolean;
  readonly rules: Rules;
  readonly scripts: Scripts;
}

/** Epochs without any fault; the runs add some. */
export const epochs: Epochs = {
  nodes: 2,
  commits: 2,
  freshFor: 2,
  restarts: 0,
  failovers: 0,
  silentRollbacks: 0,
  lostCommits: 0,
  inFlight: 1,
  l1: false,
  slowPolls: false,
  rules: {
    drawnForEachLife: true,
    fence: "epoch read under the lock",
    fenceSeesLife: true,
    pollsExpire: true,
    floors: true,
    pollsAge: "from the question",
    l1ComparesEpochs: true,
  },
  scripts,
};

/** What a PostgreSQL server holds. */
export interface Database {
  /** All committed changes; its length is the version. Letters are never used twice, versions may be. */
  readonly content: string;
  readonly epoch: number;
  /** The Redis that the epoch belongs to. */
  readonly run: number;
  /** The life of PostgreSQL that the epoch belongs to. */
  readonly life: number;
  /** The highest version with a dirty row; 0 when there is none. */
  readonly dirty: number;
}

export interface Node {
  /** Run id of the Redis that it is connected to; 0 when it is not. */
  readonly run: number;
  /** The epoch as of its last poll; 0 while it has not polled on this connection. */
  readonly epoch: number;
  /** Ticks since its last poll. */
  readonly age: number;
  /** Whether it may read: the epoch was of the present life of PostgreSQL when it polled. */
  readonly reads: boolean;
  /** The highest dirty row as of its last poll: smaller versions are not served. */
  readonly floor: number;
  /** The answer to a poll, on its way, and the ticks since it was asked for. */
  readonly answer: { readonly dirty: number; readonly age: number } | undefined;
  readonly l1: (Value & { readonly epoch: number }) | undefined;
}

export interface Writer {
  readonly node: number;
  readonly holdsLock: boolean;
  /** The epoch that its transaction read; 0 if it saw that this is of another life of PostgreSQL. */
  readonly seen: number;
  /** Where its MARK was answered. */
  readonly marked: { readonly run: number; readonly epoch: number } | undefined;
}

export interface Lease {
  readonly run: number;
  readonly epoch: number;
  readonly token: number;
}

export type Message =
  | ({ readonly kind: "FILL"; readonly value: Value } & Lease)
  | { readonly kind: "POST"; readonly run: number; readonly epoch: number; readonly change: Change };

export interface State {
  readonly db: Database;
  /** The life of the PostgreSQL that everybody talks to. */
  readonly life: number;
  /** What the standby has. */
  readonly standby: Database;
  /** Letters and epochs given out. */
  readonly letters: number;
  readonly epochs: number;
  /** The servers of Redis by run id, from 1; undefined when the process is gone. New connections reach the last. */
  readonly servers: readonly ({ readonly slot: Slot } | undefined)[];
  /** An old copy of the last server's entry: its file, or its replica. */
  readonly copy: Slot;
  readonly nodes: readonly Node[];
  readonly writer: Writer | undefined;
  readonly lease: Lease | undefined;
  readonly net: readonly Message[];
  /** Contents that were committed and are no longer the current one, and since how many ticks. */
  readonly past: Readonly<Record<string, number>>;
  readonly left: {
    readonly restarts: number;
    readonly failovers: number;
    readonly silentRollbacks: number;
    readonly lostCommits: number;
  };
}

/** What a node knows when its last poll is too old to count. */
export const lapsed = { epoch: -1, age: 0, reads: false, floor: 0 } as const;

/** A node that is connected, knows its epoch and has polled in time. */
export function isFresh(node: Node, { freshFor, rules }: Epochs): boolean {
  return node.run !== 0 && node.epoch > 0 && (!rules.pollsExpire || node.age < freshFor);
}

/** The epoch that counts now; 0 when it is of another life of PostgreSQL and the next poll will end it. */
export function epochOf({ db, life }: State): number {
  return db.life === life ? db.epoch : 0;
}

/** The state with another slot in the Redis of that run id. */
export function withSlot(state: State, run: number, slot: Slot): State {
  return { ...state, servers: state.servers.map((server, i) => (i === run - 1 ? { slot } : server)) };
}

export function withNode(state: State, i: number, change: Partial<Node>): State {
  return { ...state, nodes: state.nodes.map((node, j) => (i === j ? { ...node, ...change } : node)) };
}

export function sent(state: State, { inFlight }: Epochs, message: Message): State {
  return state.net.length >= inFlight ? state : { ...state, net: [...state.net, message] };
}
