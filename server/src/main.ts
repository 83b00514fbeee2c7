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
  let app: App;
  try {
    app = await startApp(parseConfig(readEnvironment()));
  } catch (error) {
    console.error(inWords("OM Messenger cannot start", error));
    process.exit(1);
  }
  console.log(`OM Messenger is ready: ${app.url}`);
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    // Ctrl-C in a terminal reaches us twice: from the terminal and from npm.
    if (stopping) return;
    stopping = true;
    console.log(`${signal}: finishing what was begun`);
    setTimeout(() => process.exit(1), stopDeadline).unref();
    app[Symbol.asyncDispose]().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(inWords("OM Messenger did not stop cleanly", error));
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

/** One line for people, with the cause of a defect. */
function inWords(what: string, error: unknown): string {
  if (!(error instanceof Error)) return `${what}: ${String(error)}`;
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${what}: ${error.message}${cause}`;
}
