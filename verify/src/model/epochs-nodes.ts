import { letter, type Value } from "./entry.ts";
import {
  epochOf,
  isFresh,
  sent,
  withNode,
  withSlot,
  type Epochs,
  type Node,
  type State,
  type Writer,
} from "./epochs-state.ts";
import type { Step } from "./explore.ts";

/** What nodes do: connect and poll, write, read, relay. */
export function nodeSteps(state: State, options: Epochs): Step<State>[] {
  return [
    ...state.nodes.flatMap((node, i) => [
      ...connectionSteps(state, options, i),
      ...relaySteps(state, options, i),
      ...readerSteps(state, options, i),
      ...(state.writer === undefined ? lockStep(state, options, i) : []),
      ...(options.l1 ? memorySteps(state, options, { node, i }) : []),
    ]),
    ...(state.writer === undefined ? [] : writerSteps(state, options, state.writer)),
    ...(state.lease === undefined ? [] : fillSteps(state, options, state.lease)),
  ];
}

// --------------------------------------------------------------------------------------------------------------- epochs and polls

function connectionSteps(state: State, options: Epochs, i: number): Step<State>[] {
  const { db, life, servers } = state;
  const node = state.nodes[i];
  if (node === undefined) return [];
  const who = `node ${i + 1}`;
  if (node.run === 0) {
    const next = withNode(state, i, { run: servers.length });
    return [{ name: `${who} connects to Redis ${servers.length}`, next }];
  }
  const left = withNode(state, i, away);
  // To a Redis that is still the one to talk to, a lost connection amounts to a poll that comes late.
  const lost =
    node.run === servers.length ? [] : [{ name: `${who} loses its connection to Redis ${node.run}`, next: left }];
  const isClaimed = db.run === node.run && db.life === life;
  if (node.epoch === 0) {
    const next = isClaimed ? state : claimed(state, options, node.run);
    const name = isClaimed ? `reads epoch ${db.epoch}` : `claims epoch ${next.db.epoch} for Redis ${node.run}`;
    return [...lost, { name: `${who} ${name}`, next: learned(next, options, i) }];
  }
  if (db.run !== node.run) {
    return [
      { name: `${who} polls, sees that the epoch is of Redis ${db.run} and leaves Redis ${node.run}`, next: left },
    ];
  }
  if (isClaimed && options.slowPolls) return slowPollSteps(state, options, i);
  if (isClaimed) return [...lost, { name: `${who} polls`, next: learned(state, options, i) }];
  const next = claimed(state, options, node.run);
  return [...lost, { name: `${who} polls and claims epoch ${next.db.epoch}`, next: learned(next, options, i) }];
}

export const away: Partial<Node> = { run: 0, epoch: 0, age: 0, reads: false, floor: 0, answer: undefined };

function claimed(state: State, { rules }: Epochs, run: number): State {
  const { db, epochs } = state;
  const isDrawn = rules.drawnForEachLife && db.run === run;
  const epoch = isDrawn ? epochs + 1 : db.epoch + 1;
  const life = isDrawn || !rules.drawnForEachLife ? state.life : db.life;
  return { ...state, db: { ...db, epoch, run, life }, epochs: Math.max(epochs, epoch) };
}

function slowPollSteps(state: State, { rules }: Epochs, i: number): Step<State>[] {
  const { answer } = state.nodes[i] ?? {};
  const { dirty } = state.db;
  const asked = { name: `node ${i + 1} sends a poll`, next: withNode(state, i, { answer: { dirty, age: 0 } }) };
  if (answer === undefined) return [asked];
  const age = rules.pollsAge === "from the question" ? answer.age : 0;
  const next = withNode(state, i, { age, floor: rules.floors ? answer.dirty : 0, answer: undefined });
  return [{ name: `node ${i + 1} has the answer to its poll`, next }];
}

/** One statement of PostgreSQL tells the epoch and all dirty rows. */
function learned(state: State, { rules }: Epochs, i: number): State {
  const { epoch, dirty, life } = state.db;
  const reads = !rules.drawnForEachLife || life === state.life;
  return withNode(state, i, { epoch, age: 0, reads, floor: rules.floors ? dirty : 0 });
}

/** A relay works on the rows of its last poll, on the connection that the poll was made for. */
function relaySteps(state: State, options: Epochs, i: number): Step<State>[] {
  const { db } = state;
  const node = state.nodes[i];
  const server = node && state.servers[node.run - 1];
  if (node === undefined || server === undefined || !isFresh(node, options)) return [];
  if (db.dirty === 0 || db.dirty > node.floor) return [];
  const killed = withSlot(state, node.run, options.scripts.mark(server.slot, node.epoch, db.dirty));
  const name = `node ${i + 1} kills ${db.dirty} in Redis ${node.run} and deletes the dirty row`;
  return [{ name, next: { ...killed, db: { ...db, dirty: 0 } } }];
}

// ------------------------------------------------------------------------------------------------------------------------ writers

function lockStep(state: State, { commits, rules }: Epochs, i: number): Step<State>[] {
  if (state.letters >= commits) return [];
  const holdsLock = rules.fence !== "epoch read before the lock";
  const writer: Writer = {
    node: i,
    holdsLock,
    seen: rules.fenceSeesLife ? epochOf(state) : state.db.epoch,
    marked: undefined,
  };
  const name = holdsLock ? "locks for a write" : `reads epoch ${writer.seen} for a write`;
  return [{ name: `node ${i + 1} ${name}`, next: { ...state, writer } }];
}

function writerSteps(state: State, options: Epochs, writer: Writer): Step<State>[] {
  const { db, letters, past } = state;
  const { rules, scripts } = options;
  const node = state.nodes[writer.node];
  if (node === undefined) return [];
  const who = `node ${writer.node + 1}`;
  if (!writer.holdsLock) {
    return [{ name: `${who} locks`, next: { ...state, writer: { ...writer, holdsLock: true } } }];
  }
  const prev = db.content.length;
  const n = prev + 1;
  const steps: Step<State>[] = [
    { name: `${who} aborts its write`, next: { ...state, writer: undefined }, outside: true },
  ];
  const server = state.servers[node.run - 1];
  if (writer.marked === undefined && server !== undefined && isFresh(node, options)) {
    const { run, epoch } = node;
    const marked = withSlot(state, run, scripts.mark(server.slot, epoch, n));
    const name = `${who} has MARK(${n}) answered by Redis ${run}`;
    steps.push({ name, next: { ...marked, writer: { ...writer, marked: { run, epoch } } } });
  }
  const { marked } = writer;
  const trusted = marked !== undefined && (rules.fence === "none" || marked.epoch === writer.seen);
  const delta = letter(letters + 1);
  const committed: State = {
    ...state,
    letters: letters + 1,
    writer: undefined,
    db: { ...db, content: db.content + delta, dirty: trusted ? db.dirty : n },
    past: { ...past, [db.content]: 0 },
  };
  if (trusted) {
    const next = sent(committed, options, { kind: "POST", ...marked, change: { prev, n, delta } });
    steps.push({ name: `${who} commits "${delta}" as version ${n}`, next });
  } else {
    steps.push({ name: `${who} commits "${delta}" as version ${n} with a dirty row`, next: committed });
  }
  return steps;
}

// ------------------------------------------------------------------------------------------------------------------------ readers

function readerSteps(state: State, options: Epochs, i: number): Step<State>[] {
  const node = state.nodes[i];
  const server = node && state.servers[node.run - 1];
  if (node === undefined || server === undefined || !isFresh(node, options) || !node.reads) return [];
  const { run, epoch } = node;
  const { slot } = server;
  if (state.lease !== undefined || (options.scripts.servable(slot, epoch) && slot.ver >= node.floor)) return [];
  const token = freshToken(state);
  const leased = withSlot(state, run, options.scripts.lease(slot, epoch, token));
  return [
    { name: `node ${i + 1} leases in Redis ${run}`, next: { ...leased, lease: { run, epoch, token } }, outside: true },
  ];
}

function fillSteps(state: State, options: Epochs, lease: NonNullable<State["lease"]>): Step<State>[] {
  const { content } = state.db;
  const without = { ...state, lease: undefined };
  const steps: Step<State>[] = [{ name: "the reader gives up", next: without, outside: true }];
  if (state.writer?.holdsLock !== true) {
    const next = sent(without, options, { kind: "FILL", value: { ver: content.length, body: content }, ...lease });
    steps.push({ name: `the reader reads "${content}" and sends FILL`, next, outside: true });
  }
  return steps;
}

/** A node decodes what Redis shows it, and keeps it. */
function memorySteps(state: State, options: Epochs, { node, i }: { node: Node; i: number }): Step<State>[] {
  const slot = state.servers[node.run - 1]?.slot;
  if (!isFresh(node, options) || !options.scripts.servable(slot, node.epoch)) return [];
  const l1: Value & { readonly epoch: number } = { epoch: node.epoch, ver: slot.ver, body: slot.body };
  return [{ name: `node ${i + 1} keeps "${slot.body}"`, next: withNode(state, i, { l1 }), outside: true }];
}

/** Tokens are never given twice; in the model the smallest number that is not found anywhere will do. */
function freshToken({ servers, lease, net }: State): number {
  const used = new Set([lease?.token]);
  for (const server of servers) used.add(server?.slot?.token);
  for (const message of net) if (message.kind === "FILL") used.add(message.token);
  let token = 1;
  while (used.has(token)) token += 1;
  return token;
}
