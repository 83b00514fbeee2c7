/** One thing that may happen next: what it is called in a trace, and the state it leads to. */
export interface Step<State> {
  readonly name: string;
  readonly next: State;
  /** Chance or somebody from outside: a crash, a loss, an eviction, another reader. Nobody may count on it. */
  readonly outside?: boolean;
}

/** A protocol as a machine: where it starts, what may happen, what must never be true. */
export interface Model<State> {
  readonly start: State;
  /** Everything that may happen in a state, always in the same order. */
  steps(state: State): Step<State>[];
  /** Equal for states that behave alike; short, since every state's key is kept. */
  key(state: State): string;
  /** @returns what is wrong with the state, if anything */
  broken(state: State): string | undefined;
  /** @returns what is wrong with a step, if anything */
  brokenStep?(from: State, step: Step<State>): string | undefined;
  /** @returns what cannot be mended from here any more, if anything */
  stuck?(state: State): string | undefined;
  /** With it, a state that is not finished and has no step but those from outside is a deadlock. */
  finished?(state: State): boolean;
  /** States that have to be met: a model that never gets anywhere breaks no rule either. */
  readonly goals: Readonly<Record<string, (state: State) => boolean>>;
}

export interface Violation {
  readonly what: string;
  /** A shortest way there, as names of steps. */
  readonly trace: readonly string[];
}

/** What `explore` saw. */
export interface Result {
  readonly states: number;
  readonly edges: number;
  /** In how many states each goal was met. */
  readonly met: Readonly<Record<string, number>>;
  readonly violation?: Violation;
}

/**
 * Visits every state that can be reached, nearest first, so that the first violation has a shortest trace. Neither chance nor
 * time has a part in it: the same model gives the same result.
 * @throws when there are more than `limit` states: what was not seen is not proven
 */
export function explore<State>(model: Model<State>, limit = 5_000_000): Result {
  const goals = Object.entries(model.goals);
  const met = Object.fromEntries(goals.map(([name]) => [name, 0]));
  const seen = new Set([model.key(model.start)]);
  const ways: Way[] = [{ from: -1, name: "" }];
  const waiting: (State | undefined)[] = [model.start];
  let edges = 0;
  for (let at = 0; at < waiting.length; at += 1) {
    const state = waiting[at] as State;
    waiting[at] = undefined; // visited once; only its key and the way to it are kept
    const found = (what: string, last: readonly string[] = []): Result => {
      return { states: seen.size, edges, met, violation: { what, trace: [...traceTo(at, ways), ...last] } };
    };
    const what = model.broken(state) ?? model.stuck?.(state);
    if (what !== undefined) return found(what);
    for (const [name, isMet] of goals) if (isMet(state)) met[name] = (met[name] ?? 0) + 1;
    const steps = model.steps(state);
    if (model.finished?.(state) === false && steps.every(({ outside }) => outside)) return found("deadlock");
    for (const step of steps) {
      edges += 1;
      const wrong = model.brokenStep?.(state, step);
      if (wrong !== undefined) return found(wrong, [step.name]);
      const key = model.key(step.next);
      if (seen.has(key)) continue;
      if (seen.size >= limit) throw new Error(`more than ${limit} states`);
      seen.add(key);
      waiting.push(step.next);
      ways.push({ from: at, name: step.name });
    }
  }
  return { states: seen.size, edges, met };
}

/** How a state was met first: from which one, by which step. */
interface Way {
  readonly from: number;
  readonly name: string;
}

function traceTo(at: number, ways: readonly Way[]): string[] {
  const trace: string[] = [];
  for (let way = ways[at]; way !== undefined && way.from >= 0; way = ways[way.from]) trace.push(way.name);
  return trace.toReversed();
}

/**
 * A short key for plain data: a character per number, word or bracket. Equal for equal data only, provided that objects in the
 * same place have the same fields or differ in a field before the one that is missing.
 */
export function keyOf(value: unknown): string {
  const codes: number[] = [];
  write(codes, value);
  return String.fromCharCode(...codes);
}

const words = new Map<string, number>();

function write(codes: number[], value: unknown): void {
  if (typeof value === "number") codes.push(0x100 + value);
  else if (typeof value === "boolean") codes.push(value ? 1 : 2);
  else if (typeof value === "string") codes.push(0x1000 + wordNumber(value));
  else if (typeof value !== "object" || value === null) codes.push(3);
  else {
    codes.push(4);
    for (const field in value) write(codes, value[field as keyof typeof value]);
    codes.push(5);
  }
}

function wordNumber(word: string): number {
  const known = words.get(word);
  if (known !== undefined) return known;
  words.set(word, words.size);
  return words.size - 1;
}
