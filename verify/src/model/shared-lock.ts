import { letter, scripts, type Scripts, type Slot } from "./entry.ts";
import { keyOf, type Model, type Step } from "./explore.ts";

/**
 * Hot objects, whose writers must not wait for each other: they hold the lock *shared* and only kill the entry, nothing is
 * appended to it. A reader with a lease probes with an *exclusive* try-lock, which fails while any writer is under way.
 *
 * Several writers are under way at once, so the order of commits is not the order of versions: a version is a number from a
 * sequence, and the content of a snapshot is the set of all committed changes.
 */
export interface Rules {
  /** A reader with a lease fills only after it saw the lock free of writers. */
  readonly probe: boolean;
  /** A writer draws its version with the lock held. */
  readonly drawUnderLock: boolean;
}

export interface SharedLock {
  readonly writers: number;
  readonly rules: Rules;
  readonly scripts: Scripts;
}

export const sharedLock: SharedLock = { writers: 3, rules: { probe: true, drawUnderLock: true }, scripts };

interface Writer {
  readonly at: "idle" | "drawn" | "locked" | "marking" | "marked" | "done";
  readonly n: number;
}

type Message =
  | { readonly kind: "KILL"; readonly n: number }
  | { readonly kind: "FILL"; readonly token: number; readonly ver: number; readonly body: string };

export interface State {
  /** The letters of all committed changes. */
  readonly committed: string;
  readonly highest: number;
  readonly drawn: number;
  readonly writers: readonly Writer[];
  readonly slot: Slot;
  readonly reader: { readonly at: "idle" } | { readonly at: "leased" | "probed"; readonly token: number };
  readonly net: readonly Message[];
}

const epoch = 1;

export function sharedLockModel(options: SharedLock): Model<State> {
  const shows = ({ slot }: State): boolean => options.scripts.servable(slot, epoch);
  return {
    start: {
      committed: "",
      highest: 0,
      drawn: 0,
      writers: Array.from({ length: options.writers }, () => ({ at: "idle", n: 0 })),
      slot: undefined,
      reader: { at: "idle" },
      net: [],
    },
    steps: (state) =>
      [
        ...state.writers.flatMap((writer, i) => writerSteps(state, options, { writer, i })),
        ...readerSteps(state, options),
        ...networkSteps(state, options),
      ].map((step) => ({ ...step, next: withoutDeadTokens(step.next) })),
    key: (state) =>
      keyOf({
        ...state,
        writers: state.writers.map((part) => keyOf(part)).sort(),
        net: state.net.map((message) => keyOf(message)).sort(),
      }),
    broken: (state) => stale(state, options),
    goals: {
      "a servable entry with all changes": (state) => shows(state) && state.committed.length === options.writers,
      "commits out of the order of their versions": ({ committed, writers }) =>
        writers.some(({ at, n }) => at === "marked" && committed.includes(letter(n + 1))),
      "a kill that comes after its commit": ({ net, writers }) =>
        net.some(
          (message) => message.kind === "KILL" && !writers.some(({ at, n }) => at === "marking" && n === message.n),
        ),
    },
  };
}

function stale({ slot, committed }: State, { scripts }: SharedLock): string | undefined {
  if (!scripts.servable(slot, epoch) || slot.body === committed) return undefined;
  return `stale: Redis shows "${slot.body}", committed is "${committed}"`;
}

function writerSteps(state: State, { rules }: SharedLock, { writer, i }: { writer: Writer; i: number }): Step<State>[] {
  const { n } = writer;
  const steps: Step<State>[] = [];
  const move = (name: string, to: Writer, more: Partial<State> = {}): void => {
    const writers = state.writers.map((other, j) => (i === j ? to : other));
    steps.push({ name: `writer ${i + 1} ${name}`, next: { ...state, writers, ...more } });
  };
  const next = state.drawn + 1;
  switch (writer.at) {
    case "idle":
      if (rules.drawUnderLock) move(`locks and draws version ${next}`, { at: "locked", n: next }, { drawn: next });
      else move(`draws version ${next}`, { at: "drawn", n: next }, { drawn: next });
      break;
    case "drawn":
      move("locks", { at: "locked", n });
      break;
    case "locked":
      move(`sends KILL(${n})`, { at: "marking", n }, { net: [...state.net, { kind: "KILL", n }] });
      break;
    case "marked": {
      const committed = (state.committed + letter(n)).split("").sort().join("");
      move(`commits version ${n}`, { at: "done", n }, { committed, highest: Math.max(state.highest, n) });
      break;
    }
    case "marking":
    case "done":
  }
  if (writer.at !== "idle" && writer.at !== "done") move("aborts", { at: "done", n });
  return steps;
}

function readerSteps(state: State, { rules, scripts }: SharedLock): Step<State>[] {
  const { reader, slot, committed, highest } = state;
  const lockIsFree = !state.writers.some(({ at }) => at === "locked" || at === "marking" || at === "marked");
  if (reader.at === "idle") {
    if (scripts.servable(slot, epoch)) return [];
    const token = slot?.token === 1 ? 2 : 1;
    const leased = { ...state, slot: scripts.lease(slot, epoch, token) };
    return [
      { name: "the reader leases", next: { ...leased, reader: { at: rules.probe ? "leased" : "probed", token } } },
    ];
  }
  const { token } = reader;
  const steps: Step<State>[] = [{ name: "the reader gives up", next: { ...state, reader: { at: "idle" } } }];
  if (reader.at === "leased" && lockIsFree) {
    steps.push({ name: "the reader locks, alone, and unlocks", next: { ...state, reader: { at: "probed", token } } });
  }
  if (reader.at === "probed") {
    const fill: Message = { kind: "FILL", token, ver: highest, body: committed };
    const next: State = { ...state, reader: { at: "idle" }, net: [...state.net, fill] };
    steps.push({ name: `the reader reads "${committed}" and sends FILL`, next });
  }
  return steps;
}

function networkSteps(state: State, { scripts }: SharedLock): Step<State>[] {
  const { slot, writers } = state;
  const steps = state.net.flatMap((message): Step<State>[] => {
    const rest = { ...state, net: state.net.filter((other) => other !== message) };
    const lost = { name: `${message.kind} is lost`, next: rest };
    if (message.kind === "FILL") {
      return [
        lost,
        { name: "FILL arrives", next: { ...rest, slot: scripts.fill(slot, { ...message, epoch }, message) } },
      ];
    }
    const { n } = message;
    const answered = writers.map((writer): Writer =>
      writer.at === "marking" && writer.n === n ? { at: "marked", n } : writer,
    );
    const killed = { ...rest, slot: scripts.mark(slot, epoch, n), writers: answered };
    return [lost, { name: `KILL(${n}) arrives`, next: killed }];
  });
  if (slot !== undefined) steps.push({ name: "the entry vanishes", next: { ...state, slot: undefined } });
  return steps;
}

/** FILL refuses every token but the entry's for ever, so whoever holds another one may as well stop. */
function withoutDeadTokens(state: State): State {
  const { reader, slot } = state;
  return {
    ...state,
    reader: reader.at !== "idle" && reader.token !== slot?.token ? { at: "idle" } : reader,
    net: state.net.filter((message) => message.kind !== "FILL" || message.token === slot?.token),
  };
}
