import { once } from "node:events";

/** How long a graceful stop may take before the process ends all the same, in ms. */
const stopTimeoutMs = 9_000;
const stopping = new AbortController();
const { signal } = stopping;
let exitCode = 0;

// Listened for before anything else is loaded. Ctrl-C in a terminal reaches us twice: from the terminal and from npm.
for (const name of ["SIGTERM", "SIGINT"] as const) {
  process.on(name, () => stop(0, () => console.log(`${name}: finishing what was begun`)));
}
// Nobody reads any more: a pipe such as `| tee` was closed.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => stop(0));

const { helpText, parseConfig, loadEnvironment } = await import("./config.ts");
const { errorLine } = await import("./platform/error-line.ts");
if (process.argv.includes("--help") || process.argv.includes("-h")) {
  console.log(helpText());
} else {
  try {
    await run();
  } catch (error) {
    if (error !== signal.reason) {
      const what = signal.aborted ? "did not stop cleanly" : "cannot start";
      console.error(`OM Messenger ${what}: ${errorLine(error)}`);
      exitCode = 1;
    }
  }
  process.exit(exitCode);
}

async function run(): Promise<void> {
  const { startApp } = await import("./app.ts");
  await using app = await startApp(parseConfig(loadEnvironment()), {
    signal,
    onListening: (url) => console.log(`OM Messenger is starting: ${url}`),
    onFatal: (error) => stop(1, () => console.error(`OM Messenger has to stop: ${errorLine(error)}`)),
  });
  if (signal.aborted) return;
  console.log(`OM Messenger is ready: ${app.url}`);
  await once(signal, "abort");
}

function stop(code: number, say: () => void = () => undefined): void {
  if (signal.aborted) return;
  exitCode = code;
  stopping.abort();
  say();
  setTimeout(() => process.exit(1), stopTimeoutMs).unref();
}
