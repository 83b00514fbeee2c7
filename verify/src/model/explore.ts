/** One thing that may happen next: what it is called in a trace, and the state it leads to. */
export interface Step<State> {
  readonly name: string;
  readonly next: State;
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
}

/** What `explore` saw. */
export interface Result {
  readonly states: number;
  readonly edges: number;
  /** What is wrong, with a shortest way there. */
  readonly violation?: { readonly what: string; readonly trace: readonly string[] };
}

/** Visits every state that can be reached, nearest first, so that the first violation has a shortest trace. */
export function explore<State>(model: Model<State>, limit = 1_000_000): Result {
  const seen = new Set([model.key(model.start)]);
  const states = [model.start];
  const came: { from: number; name: string }[] = [{ from: -1, name: "" }];
  let edges = 0;
  for (let at = 0; at < states.length; at += 1) {
    const state = states[at];
    if (state === undefined) continue;
    const what = model.broken(state);
    if (what !== undefined) return { states: seen.size, edges, violation: { what, trace: traceTo(at, came) } };
    for (const { name, next } of model.steps(state)) {
      edges += 1;
      const key = model.key(next);
      if (seen.has(key)) continue;
      if (seen.size >= limit) throw new Error(`more than ${limit} states`);
      seen.add(key);
      states.push(next);
      came.push({ from: at, name });
    }
  }
  return { states: seen.size, edges };
}

function traceTo(at: number, came: readonly { from: number; name: string }[]): string[] {
  const trace: string[] = [];
  for (let way = came[at]; way !== undefined && way.from >= 0; way = came[way.from]) trace.push(way.name);
  return trace.toReversed();
}
