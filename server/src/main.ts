import { startApp } from "./app.ts";
import { helpText, parseConfig, readEnvironment } from "./config.ts";

/** How long a graceful stop may take before the process ends all the same, in ms. */
const stopDeadline = 9_000;

if (process.argv.includes("--help") || process.argv.includes("-h")) {
  console.log(helpText());
} else {
  await main();
}

async function main(): Promise<void> {
  let app: Awaited<ReturnType<typeof startApp>>;
  try {
    app = await startApp(parseConfig(readEnvironment()));
  } catch (error) {
    console.error(startFailure(error));
    process.exit(1);
  }
  console.log(`OM Messenger is ready: ${app.url}`);
  const stop = (signal: NodeJS.Signals): void => {
    console.log(`${signal}: finishing what was begun`);
    setTimeout(() => process.exit(1), stopDeadline).unref();
    app[Symbol.asyncDispose]().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(startFailure(error));
        process.exit(1);
      },
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

/** One line for people; the cause of a defect in full. */
function startFailure(error: unknown): string {
  if (!(error instanceof Error)) return `OM Messenger cannot start: ${String(error)}`;
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `OM Messenger cannot start: ${error.message}${cause}`;
}
