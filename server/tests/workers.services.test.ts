import { freePort, sharedDatabase, startOmServer, startRedis, type OmServer } from "@om/services";
import { expect, test } from "vitest";
import { openTestSocket, type TestSocket } from "./fixtures/chat-server.ts";

const patient = { timeout: 60_000, interval: 50 };
/** Many processes are started one after the other. */
const long = { timeout: 120_000 };

/** Process numbers of the workers that have served, in the order in which they came. */
const workersOf = (server: OmServer): number[] =>
  [...server.output().matchAll(/"node":"[^"]*\/(\d+)"[^\n]*"msg":"listening"/g)].map(([, pid]) => Number(pid));

async function register(server: OmServer, username: string): Promise<{ id: number; token: string }> {
  const body = JSON.stringify({ username, email: `${username}@example.org`, password: "a long password" });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${server.url}/api/auth/register`, { method: "POST", headers, body });
  const { access_token: token, user } = (await answer.json()) as { access_token: string; user: { id: number } };
  return { id: user.id, token };
}

async function open(server: OmServer, { token }: { token: string }): Promise<TestSocket> {
  const { caughtUp, socket } = await openTestSocket(`${server.url.replace("http", "ws")}/ws?token=${token}&gzip=1`, []);
  await caughtUp;
  return socket;
}

/** Of the sockets so far, the workers that have them, in any order. */
const openedBy = (server: OmServer): number[] =>
  [...server.output().matchAll(/"node":"[^"]*\/(\d+)"[^\n]*"msg":"socket opened"/g)].map(([, pid]) => Number(pid));

/** One writes to another, who has sockets on all workers. @returns the sockets of both */
async function talk(server: OmServer): Promise<{ ada: { token: string }; sockets: TestSocket[] }> {
  const [ada, ben] = [await register(server, "ada"), await register(server, "ben")];
  const sockets = [await open(server, ada)];
  // Which worker gets the next one is up to the kernel.
  while (new Set(openedBy(server).slice(1)).size < workersOf(server).length && sockets.length < 40) {
    sockets.push(await open(server, ben));
    await expect.poll(() => openedBy(server).length, patient).toBe(sockets.length);
  }
  sockets[0]?.send("chat", { client_id: "1", recipient_id: ben.id, content: "Hello" });
  for (const socket of sockets.slice(1))
    expect(await socket.next("message")).toMatchObject({ message: { content: "Hello" } });
  expect(new Set(openedBy(server))).toEqual(new Set(workersOf(server)));
  return { ada, sockets };
}

async function metric(server: OmServer, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1] ?? Number.NaN);
}

test(
  "workers push to each other's sockets and are measured together; one that is killed is replaced, the others go on",
  long,
  async () => {
    await using redis = await startRedis();
    const env = { DATABASE_URL: sharedDatabase(), REDIS_URL: redis.url, WORKERS: "2", LOG_LEVEL: "info" };
    await using server = await startOmServer({ ...env, DRAIN_SECONDS: "1" });
    expect(workersOf(server)).toHaveLength(2);
    const { ada, sockets } = await talk(server);
    expect([await metric(server, "om_workers"), await metric(server, "om_sockets")]).toEqual([2, sockets.length]);
    expect(await metric(server, 'om_sends_total\\{outcome="stored"\\}')).toBe(1);
    expect(await metric(server, "om_online_users")).toBe(2);

    const [victim = 0, survivor] = workersOf(server);
    process.kill(victim, "SIGKILL");
    // Nobody has noticed yet.
    sockets.push(...(await Promise.all([open(server, ada), open(server, ada)])));
    await expect.poll(() => openedBy(server).length, patient).toBe(sockets.length);
    const stay = (): TestSocket[] => sockets.filter(({ ws }) => ws.readyState === ws.OPEN);
    await expect.poll(() => stay().length, patient).toBe(openedBy(server).filter((pid) => pid === survivor).length);
    for (const socket of stay()) await socket.settled();
    await expect.poll(() => workersOf(server).length, patient).toBe(3);
    expect(server.output()).toContain("worker 1 of 2 has ended (SIGKILL) and is started again");
    await expect.poll(() => metric(server, "om_workers"), patient).toBe(2);
    expect(await metric(server, "om_worker_restarts_total")).toBe(1);

    // One that does not last is started later.
    process.kill(workersOf(server)[2] ?? 0, "SIGKILL");
    await expect
      .poll(() => server.output(), patient)
      .toMatch(/worker 1 of 2 has ended \(SIGKILL\) and is started again in [\d.]+ s, as it did not last/);
    expect(workersOf(server)[1]).toBe(survivor);

    // A stop reaches all of them, and all say goodbye.
    const last = await open(server, ada);
    expect(await server.stop()).toBe(0);
    expect(await last.closed).toMatchObject({ code: 1012 });
  },
);

test(
  "without a Redis they hear each other too; the embedded database is the supervisor's: it outlives workers, ends with the supervisor, and starts again after kill -9 of all",
  long,
  async () => {
    const env = { WORKERS: "2", LOG_LEVEL: "info", PORT: String(await freePort()) };
    await using server = await startOmServer(env);
    const { ada } = await talk(server);
    for (const pid of workersOf(server)) process.kill(pid, "SIGKILL");
    await expect.poll(() => workersOf(server).length, patient).toBe(4);
    const isThere = async (): Promise<number> =>
      (await fetch(`${server.url}/api/users/me`, { headers: { authorization: `Bearer ${ada.token}` } })).status;
    expect(await isThere()).toBe(200);
    expect(server.output()).not.toMatch(/database has ended|the database is away/);
    await server.kill();
    await server.start();
    expect(await isThere()).toBe(200);
  },
);

test("what is wrong with the settings is said once, by the first worker, and ends all", async () => {
  const url = new URL(sharedDatabase());
  url.pathname = "/nowhere";
  const wrong = { DATABASE_URL: url.href, REDIS_URL: "redis://127.0.0.1:1", WORKERS: "3", LOG_LEVEL: "silent" };
  const told = await startOmServer(wrong).then(
    () => "it starts",
    (error: unknown) => (error as Error).message,
  );
  expect(told).toMatch(/^the server ended with 1 while starting:/);
  expect(told.match(/cannot start: DATABASE_URL: [^\n]*nowhere/g)).toHaveLength(1);
});
