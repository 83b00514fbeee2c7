import { startApp, type App } from "./app.ts";
import { helpText, parseConfig, readEnvironment } from "./config.ts";

/** How long a graceful stop may take before the process ends all the same, in ms. */
const stopDeadline = 9_000;

if (process.argv.includes("--help") || process.argv.includes("-h")) {
  console.log(helpText());
} else {
  await main();
}

async function main(): Promise<void> {
  let finish = (code: number): void => process.exit(code);
  const onFatal = (error: Error): void => {
    console.error(inWords("OM Messenger has to stop", error));
    finish(1);
  };
  let app: App;
  try {
    app = await startApp(parseConfig(readEnvironment()), { onFatal });
  } catch (error) {
    console.error(inWords("OM Messenger cannot start", error));
    process.exit(1);
  }
  // Ctrl-C in a terminal reaches us twice: from the terminal and from npm.
  let stopping = false;
  finish = (code) => {
    stopping = true;
    setTimeout(() => process.exit(1), stopDeadline).unref();
    app[Symbol.asyncDispose]().then(
      () => process.exit(code),
      (error: unknown) => {
        console.error(inWords("OM Messenger did not stop cleanly", error));
        process.exit(1);
      },
    );
  };
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    console.log(`${signal}: finishing what was begun`);
    finish(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  console.log(`OM Messenger is ready: ${app.url}`);
}

/** One line for people, with the cause of a defect. */
function inWords(what: string, error: unknown): string {
  if (!(error instanceof Error)) return `${what}: ${String(error)}`;
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${what}: ${error.message}${cause}`;
}
