import cluster from "node:cluster";
import { once } from "node:events";
import { identity } from "./platform/identity.ts";

/** How long a graceful stop may take after DRAIN_SECONDS before the process ends all the same, in ms. */
const stopTimeoutMs = 9_000;
let drainMs = 0;
const stopping = new AbortController();
const { signal } = stopping;
/** Aborts when it shall stop at once. */
const hurry = new AbortController();
let exitCode = 0;
// What it writes is nobody else's: files 0600, folders 0700.
process.umask(0o077);

// Listened for before anything else is loaded. Ctrl-C in a terminal reaches us twice: from the terminal and from npm.
process.on("SIGTERM", () => stop(0, () => say("info", "SIGTERM: finishing what was begun")));
process.on("SIGINT", () => stopNow(0, () => say("info", "SIGINT: finishing what was begun")));
// Nobody reads any more: a pipe such as `| tee` was closed.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => stopNow(0));

const { helpText, parseConfig, loadEnvironment } = await import("./config.ts");
const { errorLine } = await import("./platform/error-line.ts");
const { tellSupervisor } = await import("./platform/worker.ts");
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
  const config = parseConfig(loadEnvironment());
  drainMs = config.drainSeconds * 1_000;
  const { workerCount } = await import("./workers/worker-count.ts");
  const count = cluster.isWorker ? 1 : workerCount(config);
  const onListening = (url: string): void => tellState("starting", url);
  const onFatal = (error: unknown): void =>
    stopNow(1, () => say("fatal", `OM Messenger has to stop: ${errorLine(error)}`));
  if (count > 1) {
    // The workers have to be waited for.
    drainMs += 3_000;
    const { superviseWorkers } = await import("./workers/supervise.ts");
    const onReady = (url: string): void => tellState("ready", url);
    const onEnd = (line: string): void => say("warn", line);
    const database = { onOutage: (error: unknown) => say("warn", errorLine(error)), onEnd: onFatal };
    const all = { config, count, signal, hurry: hurry.signal, database, onListening, onReady, onEnd };
    exitCode = Math.max(exitCode, await superviseWorkers(all));
    return;
  }
  const { startApp } = await import("./app.ts");
  await using app = await startApp(config, { signal, databaseWaitMs: 60_000, onListening, onFatal });
  if (signal.aborted) return;
  tellState("ready", app.url);
  if (app.firstAdministrator !== undefined)
    say("info", `Nobody is administrator yet. Whoever opens this link first becomes it: ${app.firstAdministrator}`);
  await once(signal, "abort");
  await app.drain(hurry.signal);
}

function tellState(kind: "starting" | "ready", url: string): void {
  tellSupervisor({ kind, url });
  say("info", `OM Messenger is ${kind}: ${url}`);
}

/** Lets whoever is here go elsewhere first. */
function stop(code: number, tell: () => void = () => undefined): void {
  if (signal.aborted) return;
  exitCode = code;
  stopping.abort();
  tell();
  setTimeout(() => process.exit(1), drainMs + stopTimeoutMs).unref();
}

function stopNow(code: number, tell?: () => void): void {
  hurry.abort();
  stop(code, tell);
}

/** What is told whatever LOG_LEVEL is: a line of the log, or on a terminal plain words. */
function say(level: "info" | "warn" | "fatal", msg: string, more: object = {}): void {
  // The supervisor tells what is common to all workers.
  if (level === "info" && cluster.isWorker) return;
  if (level === "fatal") tellSupervisor({ kind: "failed", why: msg });
  const isInfo = level === "info";
  const line = JSON.stringify({ level, time: new Date().toISOString(), ...identity, ...more, msg });
  const text = (isInfo ? process.stdout : process.stderr).isTTY ? msg : line;
  if (isInfo) console.log(text);
  else console.error(text);
}
