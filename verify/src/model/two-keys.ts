import { bodyOf, scripts, type Scripts, type Slot } from "./entry.ts";
import { keyOf, type Model, type Step } from "./explore.ts";

/**
 * Transactions over two cached objects, A and B: all locks first and in one order, a MARK for each object, and one COMMIT for
 * both. A transaction may add several changes to an object at once (a batch), so versions grow by more than one.
 *
 * Each object has a key of its own in Redis, a reader and its dirty rows; messages to the two keys know nothing of each other, as
 * in a cluster. Two different objects may be shown one version apart: that is allowed, and nothing here forbids it.
 */
export interface Rules {
  /** Locks are taken in the order of their names. */
  readonly sortedLocks: boolean;
  /** A transaction waits until all its marks are answered; otherwise the first answer is enough. */
  readonly awaitAllMarks: boolean;
  /** A commit leaves a dirty row for every object whose MARK was not answered. */
  readonly dirtyRows: boolean;
}

/** What a transaction changes, in the order in which its code comes upon it. */
export type Plan = readonly { readonly object: Name; readonly changes: number }[];
type Name = "A" | "B";

export interface TwoKeys {
  readonly plans: readonly Plan[];
  /** Which objects are read. Entries know nothing of each other, so one at a time shows as much, in far fewer states. */
  readonly read: readonly Name[];
  /** Messages on the way at once, at most; what would be one more is lost. */
  readonly inFlight: number;
  readonly rules: Rules;
  readonly scripts: Scripts;
}

export const twoKeys: TwoKeys = {
  plans: [
    [
      { object: "A", changes: 2 },
      { object: "B", changes: 1 },
    ],
    [
      { object: "B", changes: 1 },
      { object: "A", changes: 1 },
    ],
  ],
  read: ["A"],
  inFlight: 3,
  rules: { sortedLocks: true, awaitAllMarks: true, dirtyRows: true },
  scripts,
};

interface Part {
  readonly object: Name;
  /** Versions before and after; known once all locks are held. */
  readonly prev: number;
  readonly n: number;
  readonly acked: boolean;
}

type Transaction =
  | { readonly at: "locking"; readonly held: number }
  | { readonly at: "marking"; readonly parts: readonly Part[] }
  | { readonly at: "done" };

interface Shared {
  readonly committed: number;
  readonly slot: Slot;
  /** Versions of the object's dirty rows. */
  readonly dirty: readonly number[];
}

/** Who holds a lease, on one of the two objects. */
interface Lease {
  readonly object: Name;
  readonly token: number;
}

type Message =
  | { readonly kind: "MARK"; readonly object: Name; readonly n: number; readonly by: number | undefined }
  | { readonly kind: "POST"; readonly object: Name; readonly prev: number; readonly n: number }
  | { readonly kind: "FILL"; readonly object: Name; readonly token: number; readonly ver: number };

export interface State {
  readonly objects: Readonly<Record<Name, Shared>>;
  readonly transactions: readonly Transaction[];
  /** The reader's lease, while it has not read yet. */
  readonly lease: Lease | undefined;
  readonly net: readonly Message[];
}

const epoch = 1;
const names = ["A", "B"] as const;
const done: Transaction = { at: "done" };

export function twoKeysModel(options: TwoKeys): Model<State> {
  const untouched: Shared = { committed: 0, slot: undefined, dirty: [] };
  const shows = ({ objects }: State, name: Name): boolean => options.scripts.servable(objects[name].slot, epoch);
  return {
    start: {
      objects: { A: untouched, B: untouched },
      transactions: options.plans.map(() => ({ at: "locking", held: 0 })),
      lease: undefined,
      net: [],
    },
    steps: (state) =>
      [
        ...state.transactions.flatMap((transaction, i) => transactionSteps(state, options, { transaction, i })),
        ...names.flatMap((name) => objectSteps(state, options, name)),
        ...networkSteps(state, options),
      ].map((step) => ({ ...step, next: withoutDeadTokens(step.next) })),
    key: (state) => keyOf({ ...state, net: state.net.map((part) => keyOf(part)).sort() }),
    broken: (state) => stale(state, options, "A") ?? stale(state, options, "B"),
    finished: ({ transactions }) => transactions.every(({ at }) => at === "done"),
    goals: {
      "what is read is servable after both commits": (state) =>
        options.read.every((name) => shows(state, name) && state.objects[name].committed >= 2),
      "a dirty row for one object only": ({ objects }) => objects.A.dirty.length !== objects.B.dirty.length,
      "a POST that comes too early": ({ net, objects }) =>
        net.some(
          (message) => message.kind === "POST" && message.prev > (objects[message.object].slot?.ver ?? message.prev),
        ),
    },
  };
}

/** I1, for each object by itself. */
function stale({ objects }: State, { scripts }: TwoKeys, name: Name): string | undefined {
  const { slot, committed, dirty } = objects[name];
  if (!scripts.servable(slot, epoch)) return undefined;
  if (slot.body !== bodyOf(slot.ver)) return `wrong: Redis shows "${slot.body}" as version ${slot.ver} of ${name}`;
  if (slot.ver > committed) return `ahead: Redis shows version ${slot.ver} of ${name}, committed is ${committed}`;
  if (slot.ver === committed || dirty.some((n) => n > slot.ver)) return undefined;
  return `stale: Redis shows version ${slot.ver} of ${name}, committed is ${committed}`;
}

// ------------------------------------------------------------------------------------------------------------------ transactions

/** The objects of a plan, in the order in which they are locked. */
function order(plan: Plan, { rules }: TwoKeys): Plan {
  return rules.sortedLocks ? plan.toSorted((a, b) => (a.object < b.object ? -1 : 1)) : plan;
}

/** Whether a transaction holds the lock of an object. */
function isLocked({ transactions }: State, options: TwoKeys, object: Name): boolean {
  return transactions.some((transaction, i) => {
    if (transaction.at === "marking") return transaction.parts.some((part) => part.object === object);
    const plan = options.plans[i] ?? [];
    return (
      transaction.at === "locking" &&
      order(plan, options).findIndex((part) => part.object === object) < transaction.held
    );
  });
}

function transactionSteps(
  state: State,
  options: TwoKeys,
  { transaction, i }: { transaction: Transaction; i: number },
): Step<State>[] {
  if (transaction.at === "done") return [];
  const become = (to: Transaction): State => ({
    ...state,
    transactions: state.transactions.map((other, j) => (i === j ? to : other)),
    // Once it is over, a MARK that still arrives answers nobody.
    net: to.at === "done" ? state.net.map((message) => ofNobody(message, i)) : state.net,
  });
  const own =
    transaction.at === "locking"
      ? lockingStep(state, options, { held: transaction.held, i, become })
      : commitStep(become(done), options, transaction.parts);
  const abort = { name: "aborts", next: become(done), outside: true };
  return [...own, abort].map((step) => ({ ...step, name: `transaction ${i + 1} ${step.name}` }));
}

function ofNobody(message: Message, i: number): Message {
  return message.kind === "MARK" && message.by === i ? { ...message, by: undefined } : message;
}

/** Takes the next lock, unless it has to wait for it; with all of them it learns its versions and marks. */
function lockingStep(
  state: State,
  options: TwoKeys,
  { held, i, become }: { held: number; i: number; become: (to: Transaction) => State },
): Step<State>[] {
  const plan = order(options.plans[i] ?? [], options);
  const wanted = plan[held];
  if (wanted !== undefined) {
    if (isLocked(state, options, wanted.object)) return [];
    return [{ name: `locks ${wanted.object}`, next: become({ at: "locking", held: held + 1 }) }];
  }
  const parts = plan.map(({ object, changes }): Part => {
    const prev = state.objects[object].committed;
    return { object, prev, n: prev + changes, acked: false };
  });
  const marks = parts.map(({ object, n }): Message => ({ kind: "MARK", object, n, by: i }));
  const next = { ...become({ at: "marking", parts }), net: sent(state.net, options, marks) };
  return [{ name: `sends MARK for ${parts.map(({ object, n }) => `${object} ${n}`).join(" and ")}`, next }];
}

/** Commits at any time; what is not marked by then gets a dirty row. */
function commitStep(state: State, options: TwoKeys, parts: readonly Part[]): Step<State>[] {
  const missing = parts.filter(({ acked }) => !acked);
  const enough = options.rules.awaitAllMarks ? missing.length === 0 : missing.length < parts.length;
  const unmarked = enough ? [] : missing;
  const name = ["commits", ...unmarked.map(({ object }) => `${object} unmarked`)].join(", ");
  return [{ name, next: committed(state, options, { parts, unmarked }) }];
}

function committed(
  state: State,
  options: TwoKeys,
  { parts, unmarked }: { parts: readonly Part[]; unmarked: readonly Part[] },
): State {
  let objects = state.objects;
  for (const { object, n } of parts) objects = { ...objects, [object]: { ...objects[object], committed: n } };
  for (const { object, n } of options.rules.dirtyRows ? unmarked : []) {
    const dirty = [...objects[object].dirty, n];
    objects = { ...objects, [object]: { ...objects[object], dirty } };
  }
  const posts = parts
    .filter(({ object }) => options.read.includes(object)) // an object that nobody reads never has an entry
    .map(({ object, prev, n }): Message => ({ kind: "POST", object, prev, n }));
  return { ...state, objects, net: sent(state.net, options, posts) };
}

// --------------------------------------------------------------------------------------------- readers, relays, network and Redis

function objectSteps(state: State, options: TwoKeys, name: Name): Step<State>[] {
  const object = state.objects[name];
  const { slot, dirty, committed: ver } = object;
  const steps: Step<State>[] = [];
  const move = (what: string, change: Partial<Shared>, more: Partial<State> = {}): void => {
    const objects = { ...state.objects, [name]: { ...object, ...change } };
    steps.push({ name: what, next: { ...state, objects, ...more }, outside: true });
  };
  if (options.read.includes(name) && state.lease === undefined && !options.scripts.servable(slot, epoch)) {
    const token = slot?.token === 1 ? 2 : 1;
    move(
      `the reader leases ${name}`,
      { slot: options.scripts.lease(slot, epoch, token) },
      { lease: { object: name, token } },
    );
  }
  if (state.lease?.object === name) {
    const net = sent(state.net, options, [{ kind: "FILL", ver, ...state.lease }]);
    const what = `the reader sees ${name} unlocked, reads version ${ver} and sends FILL`;
    if (!isLocked(state, options, name)) move(what, {}, { lease: undefined, net });
    move(`the reader gives up ${name}`, {}, { lease: undefined });
  }
  if (slot !== undefined) move(`the entry of ${name} vanishes`, { slot: undefined });
  for (const n of dirty) {
    const rest = dirty.filter((other) => other !== n);
    move(`a relay kills ${name} ${n} and deletes its row`, { slot: options.scripts.mark(slot, epoch, n), dirty: rest });
  }
  return steps;
}

function sent(net: readonly Message[], { inFlight }: TwoKeys, messages: readonly Message[]): readonly Message[] {
  const known = new Set(net.map((message) => keyOf(message)));
  return [...net, ...messages.filter((message) => !known.has(keyOf(message)))].slice(0, inFlight);
}

function networkSteps(state: State, options: TwoKeys): Step<State>[] {
  return state.net.flatMap((message): Step<State>[] => {
    const rest = { ...state, net: state.net.filter((other) => other !== message) };
    const name = `${message.kind} for ${message.object} ${message.kind === "FILL" ? message.ver : message.n}`;
    return [
      { name: `${name} arrives`, next: delivered(rest, options, message) },
      { name: `${name} is lost`, next: rest, outside: true },
    ];
  });
}

function delivered(state: State, { scripts }: TwoKeys, message: Message): State {
  const object = state.objects[message.object];
  const put = (slot: Slot): State => {
    return { ...state, objects: { ...state.objects, [message.object]: { ...object, slot } } };
  };
  if (message.kind === "FILL") {
    return put(scripts.fill(object.slot, { ...message, epoch }, { ver: message.ver, body: bodyOf(message.ver) }));
  }
  if (message.kind === "POST") {
    return put(scripts.post(object.slot, epoch, { ...message, delta: bodyOf(message.n).slice(message.prev) }));
  }
  const transactions = state.transactions.map((transaction, i): Transaction => {
    if (i !== message.by || transaction.at !== "marking") return transaction;
    const parts = transaction.parts.map((part) => (part.object === message.object ? { ...part, acked: true } : part));
    return { ...transaction, parts };
  });
  return { ...put(scripts.mark(object.slot, epoch, message.n)), transactions };
}

/** FILL refuses every token but the entry's for ever, so whoever holds another one may as well stop. */
function withoutDeadTokens(state: State): State {
  const isDead = ({ object, token }: Lease): boolean => state.objects[object].slot?.token !== token;
  const lease = state.lease !== undefined && isDead(state.lease) ? undefined : state.lease;
  const net = state.net.filter((message) => message.kind !== "FILL" || !isDead(message));
  return { ...state, lease, net };
}
