import { bodyOf, letter, type Slot } from "./entry.ts";
import { keyOf, type Model, type Step } from "./explore.ts";
import {
  freshToken,
  idle,
  isHeld,
  key,
  withoutDeadTokens,
  type Message,
  type OneKey,
  type Reader,
  type State,
  type Writer,
} from "./one-key-state.ts";

const epoch = 1; // one life of Redis; epochs.ts has several

export function oneKeyModel(options: OneKey): Model<State> {
  const servable = ({ slot }: State): boolean => options.scripts.servable(slot, epoch);
  return {
    start: {
      committed: 0,
      writer: undefined,
      slot: undefined,
      readers: Array.from({ length: options.readers }, () => idle),
      net: [],
      dirty: [],
      l1: undefined,
    },
    steps(state) {
      const steps = [
        ...writerSteps(state, options),
        ...state.readers.flatMap((reader, i) => readerSteps(state, options, { reader, i })),
        ...relaySteps(state, options),
        ...networkSteps(state, options),
        ...memorySteps(state, options),
      ];
      if (!options.forgetDeadTokens) return steps;
      return steps.map((step) => ({ ...step, next: withoutDeadTokens(step.next) }));
    },
    key,
    broken: (state) => stale(state, options),
    stuck: (state) => neverHeals(state, options),
    brokenStep: (from, { name, next }) => brokenRule(from.slot, next.slot, name),
    goals: {
      "a servable entry": servable,
      "a servable entry at the last version": (state) => servable(state) && state.committed === options.commits,
      "an entry that a mark made dirty": ({ slot }) => slot?.body !== undefined && slot.pend > slot.ver,
      "a lease on a servable entry": (state) => servable(state) && state.slot?.token !== 0,
      "a lease given back": ({ slot, net }) => net.some((one) => one.kind === "RELEASE" && one.token === slot?.token),
      "a FILL on its way while a writer holds the lock": ({ net, writer }) =>
        writer !== undefined && net.some(({ kind }) => kind === "FILL"),
    },
  };
}

// ---------------------------------------------------------------------------------------------------------------- what must hold

/** I1: what may be shown is what is committed; after a commit without a mark, a dirty row must tell of every stale entry. */
function stale({ slot, committed, dirty, l1 }: State, { scripts, rules }: OneKey): string | undefined {
  if (l1 !== undefined && !rules.compareHeader && l1.ver !== committed) return `stale: the node shows ${l1.ver}`;
  if (!scripts.servable(slot, epoch)) return undefined;
  if (slot.ver > committed) return `ahead: Redis shows version ${slot.ver}, committed is ${committed}`;
  if (slot.body !== bodyOf(slot.ver)) return `wrong: Redis shows "${slot.body}" as version ${slot.ver}`;
  if (l1?.ver === slot.ver && l1.body !== slot.body) return `wrong: the node shows "${l1.body}" as version ${slot.ver}`;
  if (slot.ver === committed || dirty.some(({ n }) => n > slot.ver)) return undefined;
  return `stale: Redis shows version ${slot.ver}, committed is ${committed}`;
}

/**
 * Liveness, as a check that every state must pass: once the writer that holds the lock is done and the dirty rows are worked off,
 * one reader that is not disturbed makes the entry servable. PostgreSQL ends every writer (its time-outs see to that) and keeps
 * offering this to a reader that keeps coming, so a dirty entry that keeps being read becomes servable.
 */
function neverHeals(state: State, { scripts, rules, degraded }: OneKey): string | undefined {
  const { committed, dirty } = state;
  let slot = degraded ? dirty.reduce<Slot>((slot, { n }) => scripts.mark(slot, epoch, n), state.slot) : state.slot;
  if (scripts.servable(slot, epoch)) return undefined;
  if (!rules.leasesExpire && slot !== undefined && slot.token !== 0 && !isHeld(state, slot.token)) {
    return "stuck: a lease that nobody holds any more is never taken over";
  }
  const token = freshToken(state);
  slot = scripts.fill(scripts.lease(slot, epoch, token), { epoch, token }, { ver: committed, body: bodyOf(committed) });
  return scripts.servable(slot, epoch) ? undefined : "stuck: an undisturbed reader leaves the entry dirty";
}

/** I2, I3 and I4: what a step may do to an entry; RELEASE, which no rule names, may only end a lease. */
function brokenRule(from: Slot, to: Slot, step: string): string | undefined {
  const by = (word: string): boolean => step.includes(word);
  if (to === undefined) return undefined;
  if (from === undefined) return by("leases") && to.body === undefined ? undefined : `I4: "${step}" creates an entry`;
  if (to.pend < from.pend && !by("FILL")) return `I2: "${step}" lowers pend`;
  if (by("RELEASE") && (to.ver !== from.ver || to.body !== from.body)) return `I5: "${step}" changes the value`;
  if (to.token !== from.token && to.token !== 0 && !by("leases")) return `I3: "${step}" changes the token`;
  return undefined;
}

// ------------------------------------------------------------------------------------------------------------------------ writers

function writerSteps(state: State, options: OneKey): Step<State>[] {
  const { writer, committed } = state;
  const { rules, degraded } = options;
  const n = committed + 1;
  if (writer === undefined) {
    if (n > options.commits) return [];
    const first: Writer = { at: rules.lockBeforeMark ? "locked" : "begun", n, holdsLock: rules.lockBeforeMark };
    return [
      {
        name: `a writer ${rules.lockBeforeMark ? "locks" : "begins"}, for version ${n}`,
        next: { ...state, writer: first },
      },
    ];
  }
  const steps: Step<State>[] = [];
  const move = (name: string, next: Partial<State>): number => steps.push({ name, next: { ...state, ...next } });
  const send = {
    writer: { ...writer, at: "marking" },
    net: sent(state, options, { kind: "MARK", n, awaited: true }),
  } as const;
  if (writer.at === "begun" || (writer.at === "locked" && rules.mark)) move(`the writer sends MARK(${n})`, send);
  if (writer.at === "marked" && !writer.holdsLock) {
    move("the writer locks, already marked", { writer: { ...writer, holdsLock: true } });
  }
  const mayCommit = writer.at === "marked" || !rules.mark;
  if (writer.holdsLock && mayCommit) move(`the writer commits version ${n}`, commit(state, options));
  if (writer.at === "marking" && degraded && rules.mark) {
    const row = rules.dirtyRows ? [{ n, killed: false }] : [];
    const next = commit(state, options);
    move(`the writer commits version ${n} without an answer to MARK`, { ...next, dirty: [...state.dirty, ...row] });
  }
  const gone = { writer: undefined, net: abandoned(state.net) };
  steps.push({ name: "the writer aborts", next: { ...state, ...gone }, outside: true });
  return steps;
}

function commit(state: State, options: OneKey): Partial<State> {
  const n = state.committed + 1;
  const post: Message = { kind: "POST", n };
  return { committed: n, writer: undefined, net: sent({ net: abandoned(state.net) }, options, post) };
}

/** A MARK whose writer is gone still arrives, but answers nobody. */
function abandoned(net: readonly Message[]): readonly Message[] {
  return net.map((message) => (message.kind === "MARK" ? { ...message, awaited: false } : message));
}

/** Every node relays: KILL for each dirty row, and when it is answered the row goes. */
function relaySteps(state: State, options: OneKey): Step<State>[] {
  return state.dirty.flatMap(({ n, killed }) => {
    const steps: Step<State>[] = [];
    const net = sent(state, options, { kind: "KILL", n });
    const without = state.dirty.filter((row) => row.n !== n);
    if (net !== state.net) {
      const dirty = options.rules.killBeforeDelete ? state.dirty : without;
      steps.push({ name: `a relay sends KILL(${n})`, next: { ...state, net, dirty } });
    }
    if (killed) steps.push({ name: `a relay deletes dirty row ${n}`, next: { ...state, dirty: without } });
    return steps;
  });
}

// ------------------------------------------------------------------------------------------------------------------------ readers

function readerSteps(state: State, options: OneKey, { reader, i }: { reader: Reader; i: number }): Step<State>[] {
  const { committed, writer, slot } = state;
  const { rules, scripts } = options;
  const steps: Step<State>[] = [];
  const move = (name: string, to: Reader, more: Partial<State> = {}): void => {
    const readers = state.readers.map((other, j) => (i === j ? to : other));
    steps.push({ name: `reader ${i + 1} ${name}`, next: { ...state, ...more, readers }, outside: true });
  };
  /** The reader's last step: it is idle again, and the message is on its way. */
  const send = (name: string, message: Message): void => {
    const net = sent(state, options, message);
    if (net !== state.net || !options.readersReliable) move(name, idle, { net });
  };
  const lockIsFree = writer?.holdsLock !== true;
  const servable = scripts.servable(slot, epoch);
  if (reader.at === "idle" && servable) {
    move("is served, and decides to refresh the entry", { at: "refreshing" });
    return steps;
  }
  if (!("token" in reader)) {
    const token = freshToken(state);
    const refresh = reader.at === "refreshing";
    const at = rules.probe && (rules.probeRefresh || !refresh) ? "leased" : "probed";
    const busy = !rules.leasesExpire && slot !== undefined && slot.token !== 0;
    const name = `leases ${servable ? "a servable entry" : "what is not servable"}${refresh ? " to refresh it" : ""}`;
    if (!busy) move(name, { at, token }, { slot: scripts.lease(slot, epoch, token) });
    return steps;
  }
  const { token } = reader;
  if (reader.at === "leased") {
    if (rules.probeBeforeRead && lockIsFree) move("sees the lock free", { at: "probed", token });
    if (!rules.probeBeforeRead) move(`reads version ${committed}`, { at: "read", token, ver: committed });
  }
  if (reader.at === "probed")
    send(`reads version ${committed} and sends FILL`, { kind: "FILL", token, ver: committed });
  if (reader.at === "read" && lockIsFree) {
    send("sees the lock free and sends FILL", { kind: "FILL", token, ver: reader.ver });
  }
  // The lock was taken, or the load failed. A node that dies is one whose RELEASE is lost.
  if (rules.release) send("gives up and sends RELEASE", { kind: "RELEASE", token });
  else move("gives up", idle);
  return steps;
}

/** A node decodes what Redis shows it, and keeps it. */
function memorySteps(state: State, { l1: isOn, scripts }: OneKey): Step<State>[] {
  const { slot } = state;
  if (!isOn || !scripts.servable(slot, epoch)) return [];
  const l1 = { ver: slot.ver, body: slot.body };
  return [{ name: `the node keeps version ${slot.ver}`, next: { ...state, l1 }, outside: true }];
}

// ------------------------------------------------------------------------------------------------------------- network and Redis

/** The network is a set, and bounded: a message that does not fit is lost. */
function sent({ net }: Pick<State, "net">, { inFlight }: OneKey, message: Message): readonly Message[] {
  const key = keyOf(message);
  if (net.length >= inFlight || net.some((other) => keyOf(other) === key)) return net;
  return [...net, message];
}

function networkSteps(state: State, options: OneKey): Step<State>[] {
  const steps = state.net.flatMap((message): Step<State>[] => {
    const net = state.net.filter((other) => other !== message);
    const name = `${message.kind}(${"n" in message ? message.n : message.kind === "FILL" ? message.ver : ""})`;
    const steps: Step<State>[] = [{ name: `${name} arrives`, next: delivered({ ...state, net }, options, message) }];
    const mayBeLost = !("token" in message && options.readersReliable);
    if (mayBeLost) steps.push({ name: `${name} is lost`, next: { ...state, net }, outside: true });
    return steps;
  });
  if (state.slot !== undefined)
    steps.push({ name: "the entry vanishes", next: { ...state, slot: undefined }, outside: true });
  return steps;
}

function delivered(state: State, options: OneKey, message: Message): State {
  const { slot, writer } = state;
  const { scripts } = options;
  if (message.kind === "FILL") {
    const value = { ver: message.ver, body: bodyOf(message.ver) };
    return { ...state, slot: scripts.fill(slot, { epoch, token: message.token }, value) };
  }
  if (message.kind === "RELEASE") return { ...state, slot: scripts.release(slot, message.token) };
  const { n } = message;
  if (message.kind === "MARK" || message.kind === "KILL") {
    const marked = scripts.mark(slot, epoch, n);
    const answered = message.kind === "MARK" && message.awaited && writer !== undefined;
    if (answered) return { ...state, slot: marked, writer: { ...writer, at: "marked" } };
    const dirty =
      message.kind === "KILL" ? state.dirty.map((row) => (row.n === n ? { n, killed: true } : row)) : state.dirty;
    return { ...state, slot: marked, dirty };
  }
  if (message.kind === "COMPACT") {
    return { ...state, slot: scripts.compact(slot, epoch, { ver: n, body: bodyOf(n) }) };
  }
  const after = scripts.post(slot, epoch, { prev: n - 1, n, delta: letter(n) });
  const tooLong = options.compact && after !== slot;
  return { ...state, slot: after, net: tooLong ? sent(state, options, { kind: "COMPACT", n }) : state.net };
}
