import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBinaries } from "./binaries.ts";
import { freePort } from "./free-port.ts";
import { commandSync } from "./sync-calls.ts";

/** A Redis or Valkey of our own: temporary folder, free port on loopback; gone when disposed. */
export interface RedisServer extends AsyncDisposable {
  /** Such as `redis://127.0.0.1:40123`, with the password of `requirepass` if there is one; the same after a restart. */
  readonly url: string;
  readonly port: number;
  /** What redis-cli prints for a command, such as `cli("GET", "key")`. It waits, so the event loop stands still meanwhile. */
  cli(...args: string[]): string;
  /** SIGSTOP: connections stay open, and nothing is answered. */
  pause(): void;
  /** SIGCONT: goes on where it stood, and answers what has come in meanwhile. */
  resume(): void;
  /** SIGKILL; resolves when it is gone. Nothing is saved. */
  kill(): Promise<void>;
  /** After `kill`: starts again on the same port and folder, where it finds its dump.rdb; resolves when it accepts connections. */
  start(): Promise<void>;
}

/** @param settings of redis.conf, such as `{ maxmemory: "2mb", save: "3600 1" }`; nothing is saved unless they say so */
export async function startRedis(settings: Record<string, string> = {}): Promise<RedisServer> {
  const { server, companion } = ensureBinaries("redis");
  const folder = mkdtempSync(join(tmpdir(), "om-redis-"));
  const port = settings["port"] === undefined ? await freePort() : Number(settings["port"]);
  const all = { port: `${port}`, bind: "127.0.0.1", dir: folder, save: "", appendonly: "no", ...settings };
  const options = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  const launch = (): ChildProcess => spawn(server, options, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const password = settings["requirepass"] ?? "";
  const env = password === "" ? process.env : { ...process.env, REDISCLI_AUTH: password };

  let child = launch();
  const removeOnExit = (): void => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", removeOnExit);
  await accepting(child);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  return {
    url: `redis://${password === "" ? "" : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    port,
    cli(...args) {
      // A process costs a test fifty times as much: the larger the one that starts it, the more.
      if (!args[0]?.startsWith("-")) return commandSync({ port, password }, args);
      const io = { encoding: "utf8", timeout: 30_000, maxBuffer: 50_000_000, env } as const;
      const stdio = ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"];
      return execFileSync(companion, ["-h", "127.0.0.1", "-p", String(port), ...args], { ...io, stdio }).trimEnd();
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    kill,
    async start() {
      child = launch();
      await accepting(child);
    },
    async [Symbol.asyncDispose]() {
      process.removeListener("exit", removeOnExit);
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function accepting(child: ChildProcess): Promise<void> {
  let log = "";
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`Redis ended while starting:\n${log}`)));
    const read = (chunk: string): void => {
      log = (log + chunk).slice(-4000);
      if (log.includes("Ready to accept connections")) resolve();
    };
    child.stdout?.setEncoding("utf8").on("data", read);
    child.stderr?.setEncoding("utf8").on("data", read);
  });
  child.removeAllListeners("exit");
}
