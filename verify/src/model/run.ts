import { explore, type Model, type Result } from "./explore.ts";

/** One exploration: a model with bounds and rules, and what is expected of it. */
export interface Run {
  readonly model: string;
  readonly name: string;
  /** What differs from the protocol, or what is looked at. */
  readonly about: string;
  /** What the shortest trace must end in; undefined when nothing may be found. */
  readonly finds?: RegExp;
  explore(): Result;
}

/** @returns how the runs of a model are written */
export function runsOf(model: string) {
  return {
    /** The protocol, within bounds: nothing may be found, and all goals must be met. */
    holds<State>(name: string, about: string, machine: Model<State>): Run {
      return { model, name, about, explore: () => explore(machine) };
    },
    /** A protocol with a mistake in it, which must be found by what it leads to, not by something on the way. */
    mutant<State>(name: string, about: string, finds: RegExp, machine: Model<State>): Run {
      const { brokenStep: _, stuck, ...harm } = machine;
      const looksForStuck = stuck !== undefined && finds.test("stuck");
      return { model, name, about, finds, explore: () => explore(looksForStuck ? { ...harm, stuck } : harm) };
    },
  };
}

/** @returns what is wrong with the result of a run; undefined when it is as expected */
export function disappointment({ finds }: Run, { violation, met }: Result): string | undefined {
  if (finds !== undefined) {
    if (violation === undefined) return "the mistake was not found";
    return finds.test(violation.what) ? undefined : `something else was found: ${told(violation)}`;
  }
  if (violation !== undefined) return told(violation);
  const missed = Object.entries(met).filter(([, states]) => states === 0);
  return missed.length === 0 ? undefined : `never met: ${missed.map(([goal]) => goal).join(", ")}`;
}

function told({ what, trace }: NonNullable<Result["violation"]>): string {
  return [what, ...trace].join("\n  ");
}

/** A run and what it saw, as a line of the table in docs/cache-model.md. */
export function tableLine({ model, name }: Run, { states, edges, violation }: Result): string {
  const counts = `${String(states).padStart(9)} ${String(edges).padStart(10)}`;
  return `${model.padEnd(11)} ${name.padEnd(22)} ${counts}  ${violation?.what ?? "holds"}`;
}
