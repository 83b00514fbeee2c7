import { once } from "node:events";
import { identity } from "./platform/identity.ts";

/** How long a graceful stop may take before the process ends all the same, in ms. */
const stopTimeoutMs = 9_000;
const stopping = new AbortController();
const { signal } = stopping;
let exitCode = 0;
// What it writes is nobody else's: files 0600, folders 0700.
process.umask(0o077);

// Listened for before anything else is loaded. Ctrl-C in a terminal reaches us twice: from the terminal and from npm.
for (const name of ["SIGTERM", "SIGINT"] as const) {
  process.on(name, () => stop(0, () => say("info", `${name}: finishing what was begun`)));
}
// Nobody reads any more: a pipe such as `| tee` was closed.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => stop(0));

const { helpText, parseConfig, loadEnvironment } = await import("./config.ts");
const { errorLine } = await import("./platform/error-line.ts");
// Node would print these as text.
process.removeAllListeners("warning");
process.on("warning", (warning) => say("warn", `${warning.name}: ${warning.message}`));
process.on("uncaughtException", (error) => {
  say("fatal", `OM Messenger has to stop: ${errorLine(error)}`, { stack: error.stack });
  process.exit(1);
});

if (process.argv.includes("--help") || process.argv.includes("-h")) console.log(helpText());
else if (process.argv.includes("--version")) console.log(identity.version);
else await runToEnd();

async function runToEnd(): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error !== signal.reason) {
      const what = signal.aborted ? "did not stop cleanly" : "cannot start";
      say("fatal", `OM Messenger ${what}: ${errorLine(error)}`);
      exitCode = 1;
    }
  }
  process.exit(exitCode);
}

async function run(): Promise<void> {
  const { startApp } = await import("./app.ts");
  await using app = await startApp(parseConfig(loadEnvironment()), {
    signal,
    databaseWaitMs: 60_000,
    onListening: (url) => say("info", `OM Messenger is starting: ${url}`),
    onFatal: (error) => stop(1, () => say("fatal", `OM Messenger has to stop: ${errorLine(error)}`)),
  });
  if (signal.aborted) return;
  say("info", `OM Messenger is ready: ${app.url}`);
  if (app.firstAdministrator !== undefined)
    say("info", `Nobody is administrator yet. Whoever opens this link first becomes it: ${app.firstAdministrator}`);
  await once(signal, "abort");
}

function stop(code: number, tell: () => void = () => undefined): void {
  if (signal.aborted) return;
  exitCode = code;
  stopping.abort();
  tell();
  setTimeout(() => process.exit(1), stopTimeoutMs).unref();
}

/** What is told whatever LOG_LEVEL is: a line of the log, or on a terminal plain words. */
function say(level: "info" | "warn" | "fatal", msg: string, more: object = {}): void {
  const isInfo = level === "info";
  const line = JSON.stringify({ level, time: new Date().toISOString(), ...identity, ...more, msg });
  const text = (isInfo ? process.stdout : process.stderr).isTTY ? msg : line;
  if (isInfo) console.log(text);
  else console.error(text);
}
