import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { fileURLToPath } from "node:url";
import { program, startOmServer, startPostgres } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";

/** A PostgreSQL that accepts and says nothing: whoever asks it is starting for long. */
let silent: Server;
beforeAll(async () => {
  silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
});
afterAll(() => void silent.close());

interface Started {
  child: ChildProcess;
  url: string;
  output: () => string;
  /** Its exit code, once nothing that it started writes any more. */
  ended: Promise<number | null>;
}

/** Starts a server, and waits until it says that it is starting. */
async function start(command: string, args: string[]): Promise<Started> {
  const { port } = silent.address() as AddressInfo;
  const child = spawn(command, args, {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    // In a group of its own, as a shell starts it.
    detached: true,
    env: {
      ...process.env,
      PORT: "0",
      DATABASE_URL: `postgresql://om@127.0.0.1:${port}/om`,
      JWT_SECRET: "x".repeat(40),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const ended = once(child, "close").then(([code]) => code as number | null);
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: string): void => {
      output += chunk;
      const found = /OM Messenger is starting: ([^\s"]+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", read);
    void ended.then((code) => reject(new Error(`ended with ${code}: ${output}`)));
  });
  return { child, url, output: () => output, ended };
}

const server = program("server/src/main.ts");

test("while it starts every request and every socket is told to come again", async () => {
  const { child, url, ended } = await start(process.execPath, server);
  for (const path of ["/", "/health", "/ready", "/metrics", "/api/users/me", "/nowhere"]) {
    const answer = await fetch(url + path);
    expect([path, answer.status, answer.headers.get("retry-after")]).toEqual([path, 503, "1"]);
    expect(await answer.json()).toMatchObject({ code: "unavailable", error: "The server is starting" });
  }
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws?token=x`);
  const [, refusal] = await once(socket, "unexpected-response");
  expect(refusal).toMatchObject({ statusCode: 503, headers: { "retry-after": "1" } });
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
});

test("a port in use is told before anything else happens", async () => {
  const { port } = silent.address() as AddressInfo;
  const env = { ...process.env, PORT: String(port), DATA_DIR: "/dev/null/no" };
  const child = spawn(process.execPath, server, { env });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const [code] = (await once(child, "close")) as [number];
  expect(code).toBe(1);
  expect(JSON.parse(said)).toMatchObject({
    msg: `OM Messenger cannot start: port ${port} of 127.0.0.1 is in use by another program; PORT names another one`,
  });
});

test("when nobody reads what it prints any more it stops", async () => {
  const { child, url, ended } = await start(process.execPath, server);
  child.stdout?.destroy();
  // The line about this request cannot be written.
  await fetch(`${url}/health`).catch(() => undefined);
  expect(await ended).toBe(0);
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "npm start ends with its server on %s, to npm or to the group",
  async (signal) => {
    for (const group of [false, true]) {
      const { child, output, ended } = await start("npm", ["start"]);
      process.kill(group ? -(child.pid ?? 0) : (child.pid ?? 0), signal);
      // Also the server's end of the pipe is closed then.
      await ended;
      expect(output().match(/finishing what was begun/g)).toHaveLength(1);
    }
  },
);

test("D2 a database that is away is waited for at the start, by name; later it is one line when it goes and one when it is back", async () => {
  await using postgres = await startPostgres();
  const url = postgres.createDatabase();
  await postgres.kill();
  const starting = startOmServer({ DATABASE_URL: url });
  await postgres.start();
  await using server = await starting;
  const told = (text: string): number => server.output().split(text).length - 1;
  const away = told("the database is away");
  await postgres.kill();
  const me = (): Promise<number> =>
    fetch(`${server.url}/api/users/check-username?username=free`).then(({ status }) => status);
  for (let i = 0; i < 20; i++) expect(await me()).toBe(503);
  await postgres.start();
  await expect.poll(me, { timeout: 20_000 }).toBe(200);
  await expect.poll(() => told("the database answers again"), { timeout: 20_000 }).toBeGreaterThan(0);
  expect([told("the database is away"), told('"stack"')]).toEqual([away + 1, 0]);
});
