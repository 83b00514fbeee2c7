import { parseArgs } from "node:util";
import { mutants, type Mutant } from "./mutants.ts";

/** What a run is asked to do. */
export interface Options {
  what: "cache" | "pause" | "judge" | "resume";
  /** Random schedules of devices that come back. */
  schedules: number;
  seconds: number;
  nodes: number;
  seed: number;
  /** Name of a mutant; undefined: the server as it is. */
  mutant: string | undefined;
  faults: boolean;
  /** Parts of the names of the faults that may happen; none: all of them. */
  only: readonly string[];
  /** Where the result goes as JSON, beside the report. */
  json: string | undefined;
  /** Where everything that was recorded goes, to be judged again. */
  keep: string | undefined;
  /** What `--keep` wrote, for `--judge`. */
  kept: string | undefined;
  /** Share of cached reads that have to be hits while all is well. */
  gate: number;
  /** Mean pause between two things that a session does, in ms: the smaller, the more load. undefined: as the scale has it. */
  pace: number | undefined;
  /** Few people and short phases, for runs of seconds. */
  small: boolean;
}

/** Somebody asked for something that there is not. */
export class UsageError extends Error {}

export const usage = `npm run verify -- --cache [--seconds 60] [--nodes 3] [--seed 1] [--mutant NAME] [--no-faults | --only FAULT …] [--gate 0.85] [--pace MS] [--small] [--json FILE] [--keep FILE]
npm run verify -- --judge FILE    what a run with --keep recorded, once more
npm run verify -- --pause [--nodes 3] [--json FILE]
npm run verify -- --resume SCHEDULES [--seed 1]    devices that come back
mutants:
${Object.entries(mutants)
  .map(([name, { does }]) => `  ${name} ${does}`)
  .join("\n")}`;

/** @throws UsageError */
export function readOptions(args: readonly string[]): Options {
  const values = parse(args);
  const { cache, pause, judge, resume } = values;
  const asked = [cache, pause, judge !== undefined, resume !== undefined].filter(Boolean);
  if (asked.length !== 1) throw new UsageError("say what to do");
  const { mutant } = values;
  if (mutant !== undefined && !(mutant in mutants)) throw new UsageError(`there is no mutant ${mutant}`);
  return {
    what: cache ? "cache" : pause ? "pause" : resume === undefined ? "judge" : "resume",
    schedules: resume === undefined ? 0 : number("resume", resume),
    seconds: number("seconds", values.seconds),
    nodes: number("nodes", values.nodes),
    seed: values.seed === undefined ? Math.floor(Math.random() * 1e6) : number("seed", values.seed),
    mutant,
    ...faultsOf(values, mutant === undefined ? undefined : mutants[mutant]),
    json: values.json,
    keep: values.keep,
    kept: judge,
    gate: number("gate", values.gate),
    pace: values.pace === undefined ? undefined : number("pace", values.pace),
    small: values.small,
  };
}

/** A mutant comes with the faults that it needs, unless others are asked for. */
function faultsOf(
  values: { only: string[]; "no-faults": boolean },
  mutant: Mutant | undefined,
): Pick<Options, "faults" | "only"> {
  const only = values.only.length > 0 ? values.only : (mutant?.faults ?? []);
  const faults = !values["no-faults"] && (mutant === undefined || only.length > 0);
  return { faults, only };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        cache: { type: "boolean", default: false },
        pause: { type: "boolean", default: false },
        seconds: { type: "string", default: "60" },
        nodes: { type: "string", default: "3" },
        seed: { type: "string" },
        mutant: { type: "string" },
        "no-faults": { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        json: { type: "string" },
        keep: { type: "string" },
        judge: { type: "string" },
        resume: { type: "string" },
        gate: { type: "string", default: "0.85" },
        pace: { type: "string" },
        small: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new UsageError(`--${name} wants a number, not ${text}`);
  return value;
}
