import { randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { copyTemplate, startOmServer, type OmServer } from "@om/services";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

let folder: string;
let server: OmServer;
let sender: Account;
let recipient: Account;

interface Account {
  id: number;
  token: string;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "om-durable-"));
  copyTemplate(join(folder, "pgdata"));
  server = await startOmServer({ DATA_DIR: folder, LOG_LEVEL: "silent", MESSAGE_LIMIT: "0" });
  [sender, recipient] = [await register("ada"), await register("ben")];
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function call(method: string, path: string, token?: string, body?: unknown): Promise<Record<string, unknown>> {
  const headers = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(`${server.url}/api${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return (await answer.json()) as Record<string, unknown>;
}

async function register(name: string): Promise<Account> {
  const body = { username: name, email: `${name}@example.org`, password: `password of ${name}` };
  const answer = await call("POST", "/auth/register", undefined, body);
  return { id: (answer["user"] as { id: number }).id, token: answer["access_token"] as string };
}

/** Resolves when it is acknowledged. */
async function send(clientId: string): Promise<string> {
  const body = { recipient_id: recipient.id, content: clientId, client_id: clientId };
  await call("POST", "/messages", sender.token, body);
  return clientId;
}

async function rows<Row>(text: string): Promise<Row[]> {
  const client = new pg.Client({ host: join(folder, "run"), user: "postgres", database: "postgres" });
  await client.connect();
  try {
    return (await client.query(text)).rows as Row[];
  } finally {
    await client.end();
  }
}

test("every acknowledgement waits for the disk", async () => {
  // Counted by each process, and told within a second of being idle.
  const flushes = async (): Promise<number> => {
    const [row] = await rows<{ n: string }>("select sum(fsyncs) as n from pg_stat_io where object = 'wal'");
    return Number(row?.n);
  };
  const before = await flushes();
  for (let i = 0; i < 30; i++) await send(`flushed ${i}`);
  await expect.poll(flushes, { timeout: 30_000 }).toBeGreaterThanOrEqual(before + 30);
});

const rounds = Number(process.env["KILL_ROUNDS"] ?? 3);
const victims = ["server", "PostgreSQL", "both"] as const;

test(`kill -9 at random, ${rounds} times: what was acknowledged is there and the next start works`, async () => {
  const acknowledged: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const victim = rounds > victims.length ? victims[randomInt(victims.length)] : victims[round];
    let over = false;
    const load = Array.from({ length: 4 }, async (_, lane) => {
      for (let i = 0; !over; i++) {
        const sent = await send(`${round} ${lane} ${i}`).catch(() => undefined);
        if (sent === undefined) await delay(20);
        else acknowledged.push(sent);
      }
    });
    const begun = acknowledged.length;
    await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(begun + 20);
    await delay(randomInt(300));
    const postmaster = Number.parseInt(readFileSync(join(folder, "pgdata/postmaster.pid"), "utf8"), 10);
    if (victim !== "server") process.kill(postmaster, "SIGKILL");
    if (victim !== "PostgreSQL") {
      await server.kill();
      await server.start();
    }
    await expect.poll(async () => (await fetch(`${server.url}/ready`)).status, { timeout: 30_000 }).toBe(200);
    // A connection of the one that was killed may have answered that.
    await expect.poll(() => rows("select 1").then(Boolean, () => false), { timeout: 30_000 }).toBe(true);
    over = true;
    await Promise.all(load);
    const stored = new Set((await rows<{ content: string }>("select content from messages")).map((row) => row.content));
    expect(acknowledged.filter((sent) => !stored.has(sent))).toEqual([]);
  }
}, 600_000);
