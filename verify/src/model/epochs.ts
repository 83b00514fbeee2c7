import type { Slot } from "./entry.ts";
import { away, nodeSteps } from "./epochs-nodes.ts";
import {
  isFresh,
  lapsed,
  withNode,
  withSlot,
  type Database,
  type Epochs,
  type Message,
  type Node,
  type State,
} from "./epochs-state.ts";
import { keyOf, type Model, type Step } from "./explore.ts";

export function epochsModel(options: Epochs): Model<State> {
  const { restarts, failovers, silentRollbacks, lostCommits } = options;
  const node: Node = { run: 1, epoch: 1, age: 0, reads: true, floor: 0, answer: undefined, l1: undefined };
  const db = { content: "", epoch: 1, run: 1, life: 1, dirty: 0 };
  return {
    start: {
      db,
      life: 1,
      standby: db,
      letters: 0,
      epochs: 1,
      servers: [{ slot: undefined }],
      copy: undefined,
      nodes: Array.from({ length: options.nodes }, () => node),
      writer: undefined,
      lease: undefined,
      net: [],
      past: {},
      left: { restarts, failovers, silentRollbacks, lostCommits },
    },
    steps: (state) =>
      [
        ...nodeSteps(state, options),
        ...timeStep(state, options),
        ...networkSteps(state, options),
        ...faultSteps(state),
      ].map((step) => ({ ...step, next: settled(step.next) })),
    key,
    broken: (state) => state.nodes.map((_, i) => stale(state, options, i)).find((what) => what !== undefined),
    goals: {
      "a node served in the last epoch, after the last write": (state) =>
        state.letters === options.commits &&
        state.nodes.some(({ epoch }, i) => epoch === state.epochs && shown(state, options, i).length > 0),
      "a node shown something old": (state) =>
        state.nodes.some((_, i) => shown(state, options, i).some(({ body }) => body !== state.db.content)),
    },
  };
}

// ---------------------------------------------------------------------------------------------------------------- what must hold

/** What a node may be shown right now: the entry in its Redis, or what it has decoded of it. */
function shown(state: State, options: Epochs, i: number): { ver: number; body: string }[] {
  const node = state.nodes[i];
  const server = node && state.servers[node.run - 1];
  if (node === undefined || server === undefined || !isFresh(node, options) || !node.reads) return [];
  const { slot } = server;
  if (!options.scripts.servable(slot, node.epoch) || slot.ver < node.floor) return [];
  const { l1 } = node;
  const same = l1?.ver === slot.ver && (l1.epoch === slot.epoch || !options.rules.l1ComparesEpochs);
  return same ? [slot, l1] : [slot];
}

/**
 * Nodes in the current epoch are shown the current content, unless a dirty row tells otherwise. Those, nodes in another epoch, and
 * all nodes until somebody has noticed a failover of PostgreSQL, may be shown what was current less than `freshFor` ticks ago.
 */
function stale(state: State, options: Epochs, i: number): string | undefined {
  const { db, past, life } = state;
  const node = state.nodes[i];
  for (const { ver, body } of shown(state, options, i)) {
    if (body === db.content) continue;
    const where = `node ${i + 1} is shown "${body}" by Redis ${node?.run}`;
    const age = past[body];
    if (age === undefined) return `wrong: ${where}, which never was; committed is "${db.content}"`;
    const excused = node?.epoch !== db.epoch || db.life !== life || db.dirty > ver;
    if (!excused) return `stale: ${where}, committed is "${db.content}"`;
    if (age >= options.freshFor) return `stale for too long: ${where}, committed is "${db.content}"`;
  }
  return undefined;
}

// ------------------------------------------------------------------------------------------------------- time, network and faults

function timeStep(state: State, { freshFor, rules, slowPolls }: Epochs): Step<State>[] {
  const older = (age: number): number => Math.min(age + 1, freshFor);
  const next = {
    ...state,
    nodes: state.nodes.map((node) => {
      if (node.epoch <= 0) return node;
      const age = older(node.age);
      // What an old poll said is of no use: the next one tells everything anew.
      if (age === freshFor && rules.pollsExpire && !slowPolls) return { ...node, ...lapsed };
      return { ...node, age, answer: node.answer && { ...node.answer, age: older(node.answer.age) } };
    }),
    past: Object.fromEntries(Object.entries(state.past).map(([content, age]) => [content, older(age)])),
  };
  return [{ name: "a tick", next }];
}

function networkSteps(state: State, { scripts }: Epochs): Step<State>[] {
  return state.net.flatMap((message): Step<State>[] => {
    const rest = { ...state, net: state.net.filter((other) => other !== message) };
    const slot = state.servers[message.run - 1]?.slot;
    const after =
      message.kind === "FILL"
        ? scripts.fill(slot, message, message.value)
        : scripts.post(slot, message.epoch, message.change);
    const name = message.kind === "FILL" ? `FILL("${message.value.body}")` : `POST(${message.change.n})`;
    return [
      { name: `${name} arrives`, next: withSlot(rest, message.run, after) },
      { name: `${name} is lost`, next: rest, outside: true },
    ];
  });
}

function faultSteps(state: State): Step<State>[] {
  const { servers, copy, left } = state;
  const run = servers.length;
  const last = servers.at(-1)?.slot;
  const steps: Step<State>[] = [];
  const fault = (name: string, next: State): number => steps.push({ name, next, outside: true });
  if (left.restarts + left.failovers + left.silentRollbacks > 0) {
    // Leases in it are worth nothing: who holds one sends FILL to the Redis that granted it.
    const copy = last?.body === undefined ? undefined : { ...last, token: 0 };
    fault("the copy of Redis catches up", { ...state, copy });
  }
  if (left.restarts > 0) {
    const gone = { ...state, servers: [...servers.slice(0, -1), undefined, { slot: copy }] };
    fault(`Redis ${run} dies and comes back from the copy as ${run + 1}`, without(gone, "restarts"));
  }
  if (left.failovers > 0) {
    const both = { ...state, servers: [...servers, { slot: copy }] };
    fault(`the copy takes over as Redis ${run + 1}, Redis ${run} runs on`, without(both, "failovers"));
  }
  if (left.silentRollbacks > 0) {
    fault(`Redis ${run} falls back to the copy`, without(withSlot(state, run, copy), "silentRollbacks"));
  }
  servers.forEach((server, i) => {
    if (server?.slot !== undefined) fault(`the entry vanishes from Redis ${i + 1}`, withSlot(state, i + 1, undefined));
  });
  if (left.lostCommits > 0) {
    fault("the standby catches up", { ...state, standby: state.db });
    fault("PostgreSQL fails over to the standby", without(failedOver(state), "lostCommits"));
  }
  return steps;
}

/** Counts a fault; a copy that no fault will need any more is dropped. */
function without(state: State, what: keyof State["left"]): State {
  const left = { ...state.left, [what]: state.left[what] - 1 };
  const copy = left.restarts + left.failovers + left.silentRollbacks > 0 ? state.copy : undefined;
  return { ...state, left, copy, standby: left.lostCommits > 0 ? state.standby : noDatabase };
}

const noDatabase: Database = { content: "", epoch: 0, run: 0, life: 0, dirty: 0 };

/** The standby takes over with what it has: later commits, claims and dirty rows are gone, and so is the open transaction. */
function failedOver(state: State): State {
  const { db, standby, past } = state;
  const { [standby.content]: _, ...others } = past;
  const lost = db.content === standby.content ? {} : { [db.content]: 0 };
  return { ...state, db: standby, life: state.life + 1, writer: undefined, past: { ...others, ...lost } };
}

/** What can do nothing any more is dropped: a Redis that nobody talks to, what was sent to it, leases that nothing grants. */
function settled(state: State): State {
  const { copy, lease, nodes } = state;
  const isAlive = (i: number): boolean => i === state.servers.length - 1 || nodes.some(({ run }) => run === i + 1);
  const servers = state.servers.map((server, i) => (isAlive(i) ? server : undefined));
  const isGone = (run: number): boolean => run > 0 && servers[run - 1] === undefined;
  const isLive = ({ run, token }: { run: number; token: number }): boolean => slotOf(state, run)?.token === token;
  const isUseful = (message: Message): boolean => {
    if (message.kind === "FILL") return isLive(message);
    return !isGone(message.run) && (slotOf(state, message.run)?.body !== undefined || copy !== undefined);
  };
  let next: State = { ...state, servers };
  nodes.forEach(({ run }, i) => {
    if (isGone(run)) next = withNode(next, i, away);
  });
  if (lease !== undefined && !isLive(lease)) next = { ...next, lease: undefined };
  if (!state.net.every(isUseful)) next = { ...next, net: state.net.filter(isUseful) };
  return next;
}

function slotOf({ servers }: State, run: number): Slot {
  return servers[run - 1]?.slot;
}

/** States that differ in names only share a key: the nodes are alike, and the network has no order. */
function key(state: State): string {
  const { nodes, writer, net, past, ...rest } = state;
  const parts = [
    keyOf(rest),
    keyOf(writer && { ...writer, node: 0 }),
    ...nodes.map((node, i) => keyOf(node) + (writer?.node === i ? "w" : "")).sort(),
    ...net.map(keyOf).sort(),
    "/",
    ...Object.keys(past)
      .sort()
      .map((content) => keyOf(content) + keyOf(past[content])),
  ];
  return parts.join("");
}
