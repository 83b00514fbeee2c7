import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ensureBinaries } from "./binaries.ts";
import { freePort } from "./free-port.ts";

/** A proxy in front of servers on loopback, as ops/ has it, but without TLS. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** What it has printed. */
  output(): string;
  /** SIGKILL: all that went through it is cut; resolves when it is gone. */
  kill(): Promise<void>;
  /** After `kill`: starts again at the same address. */
  start(): Promise<void>;
}

/** Where a proxy's file and its other things are, where it listens, and what stands behind it. */
interface At {
  folder: string;
  port: number;
  upstreams: readonly string[];
}

/** How each is made of its file in ops/, and started. */
const kinds = {
  haproxy: {
    example: "haproxy.cfg",
    changes: ({ port, upstreams }: At): Change[] => [
      // As many as the machine lets it.
      [/^ {2}maxconn .*\n/m, ""],
      [/^ {2}bind :80$/m, `  bind 127.0.0.1:${port}`],
      [/^ {2}bind :443 ssl .*\n {2}http-request redirect .*\n/m, ""],
      [
        /^ {2}server node1 \S+\n(?: {2}server .*\n)*/m,
        `${upstreams.map((upstream, i) => `  server node${i + 1} ${upstream}`).join("\n")}\n`,
      ],
    ],
    command: (file: string, _at: At) => ["-db", "-f", file],
  },
  nginx: {
    example: "nginx.conf",
    changes: ({ folder, port, upstreams }: At): Change[] => [
      [/^/, `daemon off;\npid ${folder}/pid;\nevents {}\nhttp {\n${nginxFolders(folder)}`],
      [/^server \{\n {2}listen 80;[^}]*\}\n/m, ""],
      [/^ {2}listen 443 ssl http2;\n.*\n/m, `  listen 127.0.0.1:${port};\n`],
      [/^ {2}ssl_[^]*TLSv1\.3;\n/m, ""],
      [/\/var\/log\/nginx\/om\.log/, `${folder}/om.log`],
      [
        /^ {2}server 127\.0\.0\.1:8080( .*)?;\n(?: {2}# server .*\n)*/m,
        upstreams.map((upstream) => `  server ${upstream}$1;\n`).join(""),
      ],
      [/$/, "}\n"],
    ],
    command: (file: string, { folder }: At) => ["-p", folder, "-c", file, "-e", "stderr"],
  },
  caddy: {
    example: "Caddyfile",
    // It would listen on a port of its own for whoever asks it to change.
    changes: (): Change[] => [[/^\{\n/m, "{\n\tadmin off\n"]],
    command: (file: string, _at: At) => ["run", "--adapter", "caddyfile", "--config", file],
  },
} as const;
type Change = [from: RegExp, to: string];

export const proxies = Object.keys(kinds) as (keyof typeof kinds)[];

function nginxFolders(folder: string): string {
  return ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};\n`)
    .join("");
}

/**
 * @param upstreams such as `127.0.0.1:8080`
 * @throws Error when the example is not what is expected here, or the proxy does not start
 */
export async function startProxy(name: keyof typeof kinds, upstreams: readonly string[]): Promise<Proxy> {
  const { example, changes, command } = kinds[name];
  const { server: program } = ensureBinaries(name);
  const at = { folder: mkdtempSync(join(tmpdir(), `om-${name}-`)), port: await freePort(), upstreams };
  let text = readFileSync(fileURLToPath(new URL(`../../ops/${example}`, import.meta.url)), "utf8");
  for (const [from, to] of changes(at)) {
    if (!from.test(text)) throw new Error(`ops/${example} has nothing like ${from}`);
    text = text.replace(from, to);
  }
  const file = join(at.folder, example);
  writeFileSync(file, text);
  const env = {
    ...process.env,
    DOMAIN: `http://127.0.0.1:${at.port}`,
    UPSTREAM: upstreams.join(" "),
    HOME: at.folder,
    XDG_DATA_HOME: at.folder,
    XDG_CONFIG_HOME: at.folder,
  };
  let output = "";
  async function launch(): Promise<ChildProcess> {
    const started = spawn(program, command(file, at), { cwd: at.folder, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [started.stdout, started.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (output = (output + chunk).slice(-100_000)));
    while (!(await accepts(at.port))) {
      if (started.exitCode !== null) throw new Error(`${name} ended while starting:\n${output}`);
      await delay(20);
    }
    return started;
  }
  let child = await launch();
  const remove = (): void => {
    child.kill("SIGKILL");
    rmSync(at.folder, { recursive: true, force: true });
  };
  process.once("exit", remove);
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  return {
    url: `http://127.0.0.1:${at.port}`,
    output: () => output,
    kill: end,
    async start() {
      child = await launch();
    },
    async [Symbol.asyncDispose]() {
      process.removeListener("exit", remove);
      await end();
      remove();
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
