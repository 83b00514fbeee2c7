import { auditCommands, historyCommands } from "./om/audit-commands.ts";
import { helpOf, parseCommand, table, UsageError, type Command } from "./om/command.ts";
import { inviteCommands } from "./om/invite-commands.ts";
import { userCommands } from "./om/user-commands.ts";
import { errorLine } from "./platform/error-line.ts";
import { identity } from "./platform/identity.ts";

const commands: Readonly<Record<string, Command>> = {
  ...userCommands,
  ...inviteCommands,
  ...auditCommands,
  ...historyCommands,
};

/** Programs of their own, see om.js, and what needs no database. */
const others = {
  start: "Runs the server; --help lists its settings.",
  chat: "A chat in the terminal: --user NAME [--with NAME].",
  import: "Brings the data of the first server here.",
  "backup FOLDER": "Writes everything of this server into a new folder, also while it runs.",
  "restore FOLDER": "Brings a backup into an empty database or data folder.",
  settings: "The settings as they are in force; secrets are not shown.",
};

process.umask(0o077);
process.exitCode = await main(process.argv.slice(2));

/** @returns 0 done, 1 refused or failed, 2 not understood */
async function main(args: string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    console.error(error instanceof UsageError ? `${error.message}\nnpx om --help tells more` : errorLine(error));
    return error instanceof UsageError ? 2 : 1;
  }
}

/** @returns the exit code */
async function run(args: string[]): Promise<0 | 1> {
  const [first = "--help", second = ""] = args;
  if (first === "--version") return print(identity.version);
  if (first === "settings") return showSettings(args.slice(1));
  const name = [first, second].join(" ");
  const command = commands[name];
  const isHelp = args.includes("--help") || args.includes("-h") || first === "help";
  if (command === undefined && isHelp) return print(overview(isHelp && !first.startsWith("-") ? first : ""));
  if (command === undefined && args.length === 0) return print(overview(""));
  if (command === undefined) throw new UsageError(`om ${args.slice(0, 2).join(" ")}: there is no such command`);
  const given = parseCommand(command, args.slice(2));
  if (given.values["help"] === true) return print(helpOf(name, command));
  const { withOperator } = await import("./om/open-operator.ts");
  const said = await withOperator((operator) => command.run(operator, given));
  const shown = typeof said.text === "string" ? said.text : table(said.text);
  return print(given.values["json"] === true ? JSON.stringify(said.json) : shown, said.failed);
}

function print(text: string, failed = false): 0 | 1 {
  console.log(text);
  return failed ? 1 : 0;
}

/** @param group such as `user`: its commands alone; "": all */
function overview(group: string): string {
  const own = Object.entries(commands).map(([name, { takes, does }]) => [`${name} ${takes}`.trim(), does]);
  const all = [...Object.entries(others), ...own];
  const chosen = all.filter(([name = ""]) => name.split(" ", 1)[0] === group);
  const rows = (chosen.length > 0 ? chosen : all).map(([name = "", does]) => `  om ${name.padEnd(26)} ${does}`);
  const end =
    "om --version; om COMMAND --help. WHO is an id, a username or an e-mail address. --json is for scripts.\n" +
    "Exit codes: 0 done, 1 refused or failed, 2 not understood. The settings of the server count, from the environment or .env.";
  return `${rows.join("\n")}\n\n${end}`;
}

async function showSettings(args: string[]): Promise<0 | 1> {
  const command: Command = {
    takes: "",
    does: others.settings,
    run: async () => ({ json: null, text: "" }),
  };
  const { values } = parseCommand(command, args);
  if (values["help"] === true) return print(helpOf("settings", command));
  const { effectiveSettings } = await import("./config.ts");
  const all = effectiveSettings();
  if (values["json"] === true)
    return print(JSON.stringify(Object.fromEntries(all.map((one) => [one.setting, one.value]))));
  return print(table(all));
}
