import { parseArgs, type ParseArgsConfig } from "node:util";
import { errorLine } from "../platform/error-line.ts";
import type { Operator } from "./open-operator.ts";

/** What is asked for is not to be understood; the message is one line. Exit code 2. */
export class UsageError extends Error {}

export type Values = Record<string, string | boolean | undefined>;

/** What a command has to say: `json` for scripts, `text` for people, which are the rows of a table where it is an array. */
export interface Said {
  json: unknown;
  text: string | readonly Record<string, unknown>[];
  /** What was looked for is wrong: exit code 1. */
  failed?: boolean;
}

export interface Command {
  /** What follows its name, such as `WHO`. */
  takes: string;
  /** One line. */
  does: string;
  options?: Record<string, { type: "string" | "boolean"; meaning: string }>;
  run(operator: Operator, given: { words: readonly string[]; values: Values }): Promise<Said>;
}

/** Beside those of the command: --json and --help. @throws UsageError */
export function parseCommand(command: Command, args: string[]): { words: string[]; values: Values } {
  const own = Object.entries(command.options ?? {}).map(([name, { type }]) => [name, { type }] as const);
  const options: NonNullable<ParseArgsConfig["options"]> = {
    ...Object.fromEntries(own),
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  };
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const least = command.takes.split(" ").filter((word) => /^[A-Z]/.test(word)).length;
    if (values["help"] !== true && positionals.length !== least)
      throw new UsageError(least === 0 ? `nothing is expected beside options` : `expected: ${command.takes}`);
    return { words: positionals, values: values as Values };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(errorLine(error).split(". ")[0]);
  }
}

export function helpOf(name: string, { takes, does, options = {} }: Command): string {
  const all = { ...options, json: { type: "boolean", meaning: "as JSON, for scripts" } } as NonNullable<
    Command["options"]
  >;
  const shown = Object.entries(all).map(([option, { type, meaning }]) => [
    `--${option}${type === "string" ? " …" : ""}`,
    meaning,
  ]);
  const width = Math.max(...shown.map(([left = ""]) => left.length));
  const rows = shown.map(([left = "", right]) => `  ${left.padEnd(width)}  ${right}`);
  return [`om ${name}${takes === "" ? "" : ` ${takes}`}`, "", does, "", ...rows].join("\n");
}

/** Columns in the order of the first row; a control character could write elsewhere on the terminal. */
export function table(rows: readonly Record<string, unknown>[]): string {
  const [first] = rows;
  if (first === undefined) return "none";
  const names = Object.keys(first);
  const cells = [names, ...rows.map((row) => names.map((name) => cellOf(row[name])))];
  const widths = names.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replaceAll(/\p{C}/gu, "�");
}
