import { bodyOf, scripts, type Scripts, type Servable, type Slot } from "./entry.ts";
import { keyOf, type Model, type Step } from "./explore.ts";

/**
 * What could stand in the place of dirty rows and the relay: a writer whose mark was not answered turns the cache off, and commits once no
 * node can read any more, because each has said so or its lease is over. A lease is the last poll of `cache_control`, and is over `lease`
 * ticks after the poll began. See docs/decisions/leases.md for why it is not built.
 */
export interface Rules {
  /** For how many ticks a writer waits after the cache went off. */
  readonly wait: number;
  /** For how many ticks the cache stays off at least. */
  readonly offFor: number;
  /** Since when a lease is counted: the question of its poll, or the answer, which may have been long on its way. */
  readonly leasedFrom: "question" | "answer";
  /** When a node says that it does not read: when it knows that the cache is off, or as soon as it is asked to. */
  readonly says: "knowing" | "asked";
  /** By how many ticks a node's clock may lag behind in the time of a lease. */
  readonly slow: number;
}

export interface Leases {
  readonly commits: number;
  readonly lease: number;
  /** How many marks are not answered, at most. */
  readonly unanswered: number;
  readonly rules: Rules;
  readonly scripts: Scripts;
}

export const leases: Leases = {
  commits: 2,
  lease: 2,
  unanswered: 2,
  rules: { wait: 2, offFor: 2, leasedFrom: "question", says: "knowing", slow: 0 },
  scripts,
};

interface Known {
  readonly mode: "on" | "off";
  readonly epoch: number;
  /** Ticks since the question. */
  readonly age: number;
}

interface Node {
  /** Undefined once the lease is over. */
  readonly known: Known | undefined;
  /** A poll whose answer is on its way. */
  readonly asked: Known | undefined;
  /** It has said that it does not read, since the cache is off. */
  readonly saidOff: boolean;
}

interface Writer {
  readonly node: number;
  readonly at: "locked" | "unanswered" | "waiting" | "ready";
  /** The epoch that its mark was for. */
  readonly epoch: number;
}

export interface State {
  readonly switch: { readonly mode: "on" | "off"; readonly epoch: number; readonly age: number };
  readonly nodes: readonly Node[];
  readonly unanswered: number;
  readonly committed: number;
  readonly writer: Writer | undefined;
  readonly slot: Slot;
  readonly lease: { readonly epoch: number; readonly token: number } | undefined;
  readonly fill: { readonly epoch: number; readonly token: number; readonly ver: number } | undefined;
}

export function leasesModel(options: Leases): Model<State> {
  const node: Node = { known: { mode: "on", epoch: 1, age: 0 }, asked: undefined, saidOff: false };
  return {
    start: {
      switch: { mode: "on", epoch: 1, age: 0 },
      nodes: [node, node],
      unanswered: options.unanswered,
      committed: 0,
      writer: undefined,
      slot: undefined,
      lease: undefined,
      fill: undefined,
    },
    steps: (state) => [
      timeStep(state, options),
      ...switchSteps(state, options),
      ...state.nodes.flatMap((one, i) => nodeSteps(state, options, { node: one, i })),
      ...(state.writer === undefined ? [] : writerSteps(state, options, state.writer)),
      ...redisSteps(state, options),
    ],
    key: (state) => {
      const nodes = state.nodes.map((one, i) => keyOf({ one, writes: state.writer?.node === i })).sort();
      return keyOf({ ...state, nodes, writer: state.writer && { ...state.writer, node: 0 } });
    },
    broken: (state) => state.nodes.map((one, i) => stale(state, options, { node: one, i })).find(Boolean),
    goals: {
      "a commit without a mark while the cache was on in another epoch": ({ switch: { epoch }, committed }) =>
        epoch > 1 && committed > 0,
      "a writer waits for a lease": ({ writer, nodes }) =>
        writer?.at === "waiting" && nodes.some(({ known }) => known?.mode === "on"),
      "a node serves after the cache was off": (state) =>
        state.nodes.some((one) => (one.known?.epoch ?? 0) > 1 && shown(state, options, one) !== undefined),
    },
  };
}

function shown({ slot }: State, options: Leases, { known }: Node): Servable | undefined {
  return known?.mode === "on" && options.scripts.servable(slot, known.epoch) ? slot : undefined;
}

function stale(state: State, options: Leases, { node, i }: { node: Node; i: number }): string | undefined {
  const ver = shown(state, options, node)?.ver;
  if (ver === undefined || ver === state.committed) return undefined;
  return `stale: node ${i + 1} is shown version ${ver}, committed is ${state.committed}`;
}

function timeStep(state: State, { lease, rules }: Leases): Step<State> {
  const older = (known: Known | undefined): Known | undefined => known && { ...known, age: Math.min(known.age + 1, 9) };
  const nodes = state.nodes.map((node): Node => {
    const known = older(node.known);
    const asked = rules.leasedFrom === "question" ? older(node.asked) : node.asked;
    const isOver = (known?.age ?? 0) >= lease + rules.slow;
    return { ...node, known: isOver ? undefined : known, asked: (asked?.age ?? 0) >= lease ? undefined : asked };
  });
  const age = state.switch.mode === "on" ? 0 : Math.min(state.switch.age + 1, Math.max(rules.wait, rules.offFor));
  return { name: "a tick", next: { ...state, nodes, switch: { ...state.switch, age } } };
}

function switchSteps(state: State, { rules }: Leases): Step<State>[] {
  const { mode, epoch, age } = state.switch;
  if (mode === "on") {
    // For another key; also while this one's writer is at work.
    if (state.unanswered === 0) return [];
    const nodes = state.nodes.map((node) => ({ ...node, saidOff: false }));
    const next: State = { ...state, nodes, unanswered: state.unanswered - 1, switch: { mode: "off", epoch, age: 0 } };
    return [{ name: "somebody else turns the cache off", next }];
  }
  if (age < rules.offFor) return [];
  const nodes = state.nodes.map((node) => ({ ...node, saidOff: false }));
  const next: State = { ...state, nodes, switch: { mode: "on", epoch: epoch + 1, age: 0 } };
  return [{ name: `the cache goes on, in epoch ${epoch + 1}`, next }];
}

function nodeSteps(state: State, options: Leases, { node, i }: { node: Node; i: number }): Step<State>[] {
  const { slot, committed } = state;
  const { mode, epoch } = state.switch;
  const who = `node ${i + 1}`;
  const as = (next: Node): State => ({ ...state, nodes: state.nodes.map((one, j) => (i === j ? next : one)) });
  const steps: Step<State>[] = [];
  if (node.asked === undefined)
    steps.push({ name: `${who} polls`, next: as({ ...node, asked: { mode, epoch, age: 0 } }) });
  else
    steps.push({
      name: `${who} hears that it is ${node.asked.mode}`,
      next: as({ ...node, known: node.asked, asked: undefined }),
    });
  const knows = options.rules.says === "asked" || node.known?.mode === "off" || node.known === undefined;
  // It says so for the time that begins with this going off, and an answer that it still waits for may tell of the time before.
  if (mode === "off" && !node.saidOff && knows && (options.rules.says === "asked" || node.asked === undefined))
    steps.push({ name: `${who} says that it does not read`, next: as({ ...node, saidOff: true }) });
  if (state.writer === undefined && committed < options.commits && node.known !== undefined)
    steps.push({
      name: `${who} locks for a write`,
      next: { ...state, writer: { node: i, at: "locked", epoch: node.known.epoch } },
    });
  if (node.known?.mode === "on" && state.lease === undefined && !options.scripts.servable(slot, node.known.epoch)) {
    const token = slot?.token === 1 ? 2 : 1;
    const lease = { epoch: node.known.epoch, token };
    steps.push({
      name: `${who} leases`,
      next: { ...state, slot: options.scripts.lease(slot, lease.epoch, token), lease },
    });
  }
  return steps;
}

function writerSteps(state: State, options: Leases, writer: Writer): Step<State>[] {
  const { slot, committed, nodes } = state;
  const { mode, epoch, age } = state.switch;
  const who = `node ${writer.node + 1}`;
  const n = committed + 1;
  const to = (at: Writer["at"]): State => ({ ...state, writer: { ...writer, at } });
  const steps: Step<State>[] = [{ name: `${who} aborts`, next: { ...state, writer: undefined } }];
  if (writer.at === "locked") {
    const marked = options.scripts.mark(slot, writer.epoch, n);
    // A mark in an epoch that is over counts as not answered: its transaction reads the switch under the lock.
    steps.push({
      name: `${who} marks version ${n}`,
      next: { ...to(mode === "on" && epoch === writer.epoch ? "ready" : "unanswered"), slot: marked },
    });
    if (state.unanswered > 0) {
      const unanswered = state.unanswered - 1;
      steps.push({ name: `${who} gets no answer to its mark`, next: { ...to("unanswered"), unanswered } });
    }
  } else if (writer.at === "unanswered") {
    const off: State["switch"] = mode === "off" ? state.switch : { mode: "off", epoch, age: 0 };
    const fresh = mode === "off" ? nodes : nodes.map((node) => ({ ...node, saidOff: false }));
    steps.push({ name: `${who} turns the cache off`, next: { ...to("waiting"), nodes: fresh, switch: off } });
  } else if (writer.at === "waiting") {
    const isOver = mode === "on" || age >= options.rules.wait || nodes.every(({ saidOff }) => saidOff);
    if (isOver) steps.push({ name: `${who} has waited`, next: to("ready") });
  } else {
    steps.push({ name: `${who} commits version ${n}`, next: { ...state, writer: undefined, committed: n } });
  }
  return steps;
}

function redisSteps(state: State, { scripts }: Leases): Step<State>[] {
  const { lease, fill, slot, writer, committed } = state;
  const steps: Step<State>[] = [];
  if (lease !== undefined) {
    const filling = { ...state, lease: undefined, fill: { ...lease, ver: committed } };
    if (writer === undefined)
      steps.push({ name: `the reader reads version ${committed} and sends FILL`, next: filling });
    steps.push({ name: "the reader gives up", next: { ...state, lease: undefined } });
  }
  if (fill !== undefined) {
    const filled = scripts.fill(slot, fill, { ver: fill.ver, body: bodyOf(fill.ver) });
    steps.push({ name: `FILL(${fill.ver}) arrives`, next: { ...state, fill: undefined, slot: filled } });
    steps.push({ name: `FILL(${fill.ver}) is lost`, next: { ...state, fill: undefined } });
  }
  if (slot !== undefined) steps.push({ name: "the entry vanishes", next: { ...state, slot: undefined } });
  return steps;
}
