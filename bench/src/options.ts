import { parseArgs } from "node:util";
import type { Scenario } from "./scenario.ts";
import type { Size } from "./stage/stage.ts";

/** What the command line asks for. */
export interface Options {
  scenarios: Scenario[];
  size: Size;
  json?: string;
  compare?: string;
  write: boolean;
  /** Programs of other versions of Node. */
  nodes: string[];
}

/** What is measured for each version of Node when nothing else is said. */
const forVersions = "history,list,send-plain,send,group";

export const usage = `npm run bench -- [options]

  --quick              under five minutes: 3 short runs, smaller crowds; without it 5 runs of 3 s, under half an hour
  --only NAME[,NAME]   some scenarios, of those below
  --runs N, --seconds N
  --soak [MINUTES]     half of the maximum for so long, default 30
  --messages N         how many search looks through, default 5,000,000
  --node PATH[,PATH]   some scenarios (default: ${forVersions}) under each of these programs;
                       npm i --prefix FOLDER node@24 brings FOLDER/node_modules/node/bin/node
  --json FILE          keeps every figure
  --compare FILE       prints what moved beyond the noise since that file was written
  --write              puts the results into docs/benchmarks.md and its charts, in place of older ones of the same scenarios

Exits with 1 when an answer was wrong or something failed, not when a bar is missed.
`;

/** @throws Error that says in words what is wrong */
export function readOptions(args: readonly string[], all: readonly Scenario[]): Options | "help" {
  const values = parse(args);
  if (values.help) return "help";
  const nodes = values.node?.split(",") ?? [];
  const chosen = values.only ?? (values.soak === undefined ? (nodes.length > 0 ? forVersions : undefined) : "soak");
  const quick = values.quick ?? false;
  return {
    scenarios: chosen === undefined ? all.filter(({ onRequest }) => onRequest !== true) : named(chosen, all),
    size: {
      quick,
      runs: positive("--runs", values.runs ?? (quick ? "3" : "5")),
      seconds: positive("--seconds", values.seconds ?? (quick ? "0.7" : "3"), 0.1),
      soakMinutes: positive("--soak", values.soak ?? "30"),
      messages: positive("--messages", values.messages ?? "5000000", 1_000),
    },
    ...(values.json === undefined ? {} : { json: values.json }),
    ...(values.compare === undefined ? {} : { compare: values.compare }),
    write: values.write ?? false,
    nodes,
  };
}

function parse(args: readonly string[]) {
  const withMinutes = args.flatMap((arg, i) =>
    arg === "--soak" && !/^\d/.test(args[i + 1] ?? "") ? ["--soak", "30"] : [arg],
  );
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const known = {
    only: text,
    runs: text,
    seconds: text,
    soak: text,
    messages: text,
    node: text,
    json: text,
    compare: text,
  };
  const options = { ...known, help: flag, quick: flag, write: flag };
  try {
    return parseArgs({ args: withMinutes, options }).values;
  } catch (error) {
    throw new Error(`${(error as Error).message.split(". ")[0]}; npm run bench -- --help shows what there is`, {
      cause: error,
    });
  }
}

function named(list: string, all: readonly Scenario[]): Scenario[] {
  return list.split(",").map((name) => {
    const found = all.find((scenario) => scenario.name === name);
    if (found === undefined)
      throw new Error(`there is no scenario "${name}", but ${all.map((one) => one.name).join(", ")}`);
    return found;
  });
}

function positive(option: string, value: string, least = 1): number {
  const number = Number(value);
  if (!(number >= least) || !Number.isFinite(number))
    throw new Error(`${option} is ${value}, not a number from ${least}`);
  return number;
}
