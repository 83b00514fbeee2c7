import type { Random } from "../load/random.ts";
import type { Stage } from "../stage/stage.ts";

/** What a fault has at hand. */
export interface FaultDeps {
  stage: Stage;
  random: Random;
  /** About how long it should last, in ms. */
  ms: number;
  /** Adds to a figure of the report, such as how often a process died. */
  count(what: string, by?: number): void;
  /** Two servers call themselves the one Redis from now on, or do not any more. */
  split(on: boolean): void;
}

/** One thing that goes wrong. When it resolves, or rejects, everything is as before. */
export interface Fault {
  readonly name: string;
  /** Two faults of the same part do not go together. */
  readonly part: "network" | "redis" | "node" | "postgres";
  run(deps: FaultDeps): Promise<void>;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Does something again and again for `ms`, with pauses. */
export async function repeatFor(ms: number, pause: () => number, work: () => Promise<unknown>): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end;) {
    await work();
    await sleep(Math.min(pause(), Math.max(0, end - performance.now())));
  }
}
