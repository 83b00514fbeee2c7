import { bodyOf, scripts, type Scripts, type Servable, type Slot } from "./entry.ts";
import { keyOf, type Model, type Step } from "./explore.ts";

/**
 * The switch that turns the cache off for all nodes, and on again. It stands in `cache_control`; each node knows it as of its last
 * poll. While it is `off` nobody reads Redis, and after a while writers need not mark either. A writer believes no poll about that: its
 * transaction reads the switch under the lock.
 *
 * Time is counted in ticks. A poll counts for less than `freshFor` of them; a node without a fresh poll reads no Redis. Redis works all the time here: what a mark that is not answered leads to is shown in one-key.ts and epochs.ts.
 */
export interface Rules {
  /** How many polls' worth of `off` a writer waits for before it writes without marks; 2 by the protocol. */
  readonly skipAfter: number;
  /** When a writer settles whether it marks: when it holds the lock, or before it waits for the lock. */
  readonly decide: "with the lock" | "before the lock";
  /** What it goes by: the switch itself, read in its transaction, or its last poll. */
  readonly goBy: "transaction" | "poll";
}

export interface Modes {
  readonly commits: number;
  readonly freshFor: number;
  /** How often the switch is turned off, at most. */
  readonly turns: number;
  readonly rules: Rules;
  readonly scripts: Scripts;
}

export const modes: Modes = {
  commits: 2,
  freshFor: 2,
  turns: 1,
  rules: { skipAfter: 2, decide: "with the lock", goBy: "transaction" },
  scripts,
};

interface Switch {
  readonly mode: "on" | "off";
  readonly epoch: number;
  /** Ticks since it was changed. */
  readonly age: number;
}

/** What a node knows of its last poll. */
interface Node {
  /** "unknown" once the poll does not count any more. */
  readonly mode: Switch["mode"] | "unknown";
  readonly epoch: number;
  /** It has been off for so long that writes need no mark. */
  readonly maySkip: boolean;
  /** Ticks since the poll. */
  readonly age: number;
}

interface Writer {
  readonly node: number;
  /** "asking" before it holds the lock. */
  readonly at: "asking" | "locked" | "ready";
  /** What it has settled on, if it has. */
  readonly marks: boolean | undefined;
}

export interface State {
  readonly switch: Switch;
  readonly nodes: readonly Node[];
  readonly turns: number;
  readonly committed: number;
  readonly writer: Writer | undefined;
  readonly slot: Slot;
  readonly lease: { readonly epoch: number; readonly token: number } | undefined;
  /** A FILL on its way. */
  readonly fill: { readonly epoch: number; readonly token: number; readonly ver: number } | undefined;
}

export function modesModel(options: Modes): Model<State> {
  const first: Switch = { mode: "on", epoch: 1, age: 0 };
  const node: Node = { mode: "on", epoch: 1, maySkip: false, age: 0 };
  return {
    start: {
      switch: first,
      nodes: [node, node],
      turns: options.turns,
      committed: 0,
      writer: undefined,
      slot: undefined,
      lease: undefined,
      fill: undefined,
    },
    steps: (state) =>
      [
        ...timeStep(state, options),
        ...switchSteps(state),
        ...state.nodes.flatMap((node, i) => nodeSteps(state, options, { node, i })),
        ...(state.writer === undefined ? [] : writerSteps(state, options, state.writer)),
        ...redisSteps(state, options),
      ].map((step) => ({ ...step, next: withoutDeadTokens(step.next) })),
    key: (state) => {
      const nodes = state.nodes.map((node, i) => keyOf({ node, writes: state.writer?.node === i })).sort();
      return keyOf({ ...state, nodes, writer: state.writer && { ...state.writer, node: 0 } });
    },
    broken: (state) =>
      state.nodes.map((node, i) => stale(state, options, { node, i })).find((what) => what !== undefined),
    goals: {
      "a write without a mark": ({ writer }) => writer?.marks === false,
      "a node served after the switch was on again": (state) =>
        state.nodes.some((node) => node.epoch > 1 && shown(state, options, node) !== undefined),
      "a node served while the switch is off already": (state) =>
        state.switch.mode === "off" && state.nodes.some((node) => shown(state, options, node) !== undefined),
    },
  };
}

/** What a node would be shown, if anything. */
function shown({ slot }: State, options: Modes, node: Node): Servable | undefined {
  return mayRead(node) && options.scripts.servable(slot, node.epoch) ? slot : undefined;
}

function stale(state: State, options: Modes, { node, i }: { node: Node; i: number }): string | undefined {
  const ver = shown(state, options, node)?.ver;
  if (ver === undefined || ver === state.committed) return undefined;
  return `stale: node ${i + 1} is shown version ${ver}, committed is ${state.committed}`;
}

function mayRead({ mode }: Node): boolean {
  return mode === "on";
}

// -------------------------------------------------------------------------------------------------------------- time and the switch

function timeStep(state: State, { freshFor, rules }: Modes): Step<State>[] {
  const nodes = state.nodes.map((node): Node => {
    if (node.mode === "unknown") return node;
    return node.age + 1 < freshFor
      ? { ...node, age: node.age + 1 }
      : { ...node, mode: "unknown", maySkip: false, age: 0 };
  });
  const worthCounting = state.switch.mode === "off" ? rules.skipAfter * freshFor : 0;
  const age = Math.min(state.switch.age + 1, worthCounting);
  return [{ name: "a tick", next: { ...state, nodes, switch: { ...state.switch, age } } }];
}

function switchSteps(state: State): Step<State>[] {
  const { mode, epoch } = state.switch;
  if (mode === "off") {
    const next: State = { ...state, switch: { mode: "on", epoch: epoch + 1, age: 0 } };
    return [{ name: `the switch goes to on, in epoch ${epoch + 1}`, next }];
  }
  if (state.turns === 0) return [];
  const next: State = { ...state, switch: { mode: "off", epoch, age: 0 }, turns: state.turns - 1 };
  return [{ name: "the switch goes to off", next }];
}

// -------------------------------------------------------------------------------------------------------------- nodes and writers

function nodeSteps(state: State, options: Modes, { node, i }: { node: Node; i: number }): Step<State>[] {
  const { slot, committed } = state;
  const who = `node ${i + 1}`;
  const polled: Node = {
    mode: state.switch.mode,
    epoch: state.switch.epoch,
    maySkip: maySkip(state.switch, options),
    age: 0,
  };
  const nodes = state.nodes.map((other, j) => (i === j ? polled : other));
  const steps: Step<State>[] = [{ name: `${who} polls`, next: { ...state, nodes } }];
  if (state.writer === undefined && committed < options.commits) {
    if (options.rules.decide === "with the lock") {
      const writer: Writer = { node: i, at: "locked", marks: undefined };
      steps.push({ name: `${who} locks for a write`, next: { ...state, writer } });
    } else {
      const marks = !skips(state, options, node);
      const name = `${who} settles on a write ${marks ? "with" : "without"} a mark`;
      steps.push({ name, next: { ...state, writer: { node: i, at: "asking", marks } } });
    }
  }
  const { epoch } = node;
  if (mayRead(node) && state.lease === undefined && !options.scripts.servable(slot, epoch)) {
    const token = slot?.token === 1 ? 2 : 1;
    const leased = options.scripts.lease(slot, epoch, token);
    steps.push({ name: `${who} leases`, next: { ...state, slot: leased, lease: { epoch, token } } });
  }
  return steps;
}

/** Whether the switch has been off for so long that no node reads any more. */
function maySkip({ mode, age }: Switch, { freshFor, rules }: Modes): boolean {
  return mode === "off" && age >= rules.skipAfter * freshFor;
}

/** Whether a write goes without a mark, by what its node knows or by what its transaction reads. */
function skips(state: State, options: Modes, node: Node): boolean {
  return options.rules.goBy === "poll" ? node.maySkip : maySkip(state.switch, options);
}

function writerSteps(state: State, options: Modes, writer: Writer): Step<State>[] {
  const { slot, committed } = state;
  const node = state.nodes[writer.node];
  const who = `node ${writer.node + 1}`;
  const n = committed + 1;
  const steps: Step<State>[] = [{ name: `${who} aborts`, next: { ...state, writer: undefined } }];
  if (node === undefined) return steps;
  if (writer.at === "asking") {
    steps.push({ name: `${who} locks`, next: { ...state, writer: { ...writer, at: "locked" } } });
  } else if (writer.at === "locked") {
    const marks = writer.marks ?? !skips(state, options, node);
    const marked = marks ? options.scripts.mark(slot, node.epoch, n) : slot;
    const name = marks ? `${who} marks version ${n}` : `${who} sends no mark`;
    steps.push({ name, next: { ...state, slot: marked, writer: { ...writer, at: "ready", marks } } });
  } else {
    steps.push({ name: `${who} commits version ${n}`, next: { ...state, writer: undefined, committed: n } });
  }
  return steps;
}

// -------------------------------------------------------------------------------------------------------------- the reader and Redis

function redisSteps(state: State, { scripts }: Modes): Step<State>[] {
  const { lease, fill, slot, writer, committed } = state;
  const steps: Step<State>[] = [];
  if (lease !== undefined) {
    const isLocked = writer !== undefined && writer.at !== "asking";
    const filling = { ...state, lease: undefined, fill: { ...lease, ver: committed } };
    if (!isLocked) steps.push({ name: `the reader reads version ${committed} and sends FILL`, next: filling });
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

/** FILL refuses every token but the entry's for ever, so whoever holds another one may as well stop. */
function withoutDeadTokens(state: State): State {
  const { lease, fill, slot } = state;
  const isDead = (held: { token: number } | undefined): boolean => held !== undefined && held.token !== slot?.token;
  if (!isDead(lease) && !isDead(fill)) return state;
  return { ...state, lease: isDead(lease) ? undefined : lease, fill: isDead(fill) ? undefined : fill };
}
