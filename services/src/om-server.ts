import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { copyTemplate } from "./template.ts";

/** Our server as a process of its own, started like `npm start` on a free port of loopback. */
export interface OmServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:40123`; the same after a restart. */
  readonly url: string;
  readonly pid: number;
  /** Standard output and error so far (the last 200,000 characters). */
  output(): string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Resolves with the exit code when the process has ended, whatever the reason. */
  gone(): Promise<number | null>;
  /** After its end: starts again with the same data and port, and the same settings but for `changes`; undefined takes one away. */
  start(changes?: Record<string, string | undefined>): Promise<void>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Arguments for `process.execPath` that start a program of ours, such as `verify/src/main.ts`: what is compiled here, as vitest and run.js
 * have seen to it, without its source maps, which a start has to read; of another repository as its npm script does.
 */
export function program(source: string, repository = root): string[] {
  if (repository !== root) return [join(repository, "run.js"), source];
  return [join(root, source.replace("/src/", "/dist/").replace(/\.ts$/, ".js"))];
}

/** Limits are off, one process serves, and a stop takes no longer than it must. */
const usual = {
  DRAIN_SECONDS: "0",
  WORKERS: "1",
  SOCKETS_PER_SECOND: "0",
  AUTH_LIMIT: "0",
  NAMES_LIMIT: "0",
  LOGIN_LIMIT: "0",
  USER_LIMITS: "0",
  WHO_MAY_ADD: "everybody",
};

/**
 * @param env settings beside HOST, PORT and DATA_DIR (a temporary folder), and beside what is usual here
 * @param repository where the server is taken from; default: here
 */
export async function startOmServer(env: Record<string, string> = {}, repository = root): Promise<OmServer> {
  const folder = mkdtempSync(join(tmpdir(), "om-server-"));
  const settings: Record<string, string | undefined> = {
    HOST: "127.0.0.1",
    PORT: "0",
    DATA_DIR: join(folder, "data"),
    JWT_SECRET: "a secret of the tests, long enough",
    ...usual,
    ...env,
  };
  if (env["DATA_DIR"] === undefined && env["DATABASE_URL"] === undefined) copyTemplate(join(folder, "data/pgdata"));
  let output = "";
  let url = "";

  async function launch(): Promise<ChildProcess> {
    const started = spawn(process.execPath, program("server/src/main.ts", repository), {
      cwd: folder,
      env: { ...process.env, ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    url = await addressOf(started, (chunk) => (output = (output + chunk).slice(-200_000)));
    settings["PORT"] = new URL(url).port;
    return started;
  }

  async function gone(): Promise<number | null> {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return child.exitCode;
  }

  function end(signal: NodeJS.Signals): Promise<number | null> {
    child.kill(signal);
    return gone();
  }

  let child = await launch();
  const killOnExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killOnExit);
  return {
    get url() {
      return url;
    },
    get pid() {
      return child.pid ?? 0;
    },
    output: () => output,
    kill: async () => void (await end("SIGKILL")),
    stop: () => end("SIGTERM"),
    gone,
    async start(changes = {}) {
      Object.assign(settings, changes);
      output = "";
      child = await launch();
    },
    async [Symbol.asyncDispose]() {
      process.removeListener("exit", killOnExit);
      await end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits for the line that names the server's address; what it prints goes on to `keep`. */
function addressOf(child: ChildProcess, keep: (chunk: string) => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = "";
    child.once("exit", (code) => reject(new Error(`the server ended with ${code} while starting:\n${printed}`)));
    const read = (chunk: string): void => {
      printed = keep(chunk);
      const address = /OM Messenger is ready: (http:\/\/[^\s"]+)/.exec(printed);
      if (address?.[1] !== undefined) resolve(address[1]);
    };
    child.stdout?.setEncoding("utf8").on("data", read);
    child.stderr?.setEncoding("utf8").on("data", read);
  });
}
