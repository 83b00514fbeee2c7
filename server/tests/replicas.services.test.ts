import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startReplica, startSystemPostgres, type PostgresServer, type SystemPostgres } from "@om/services";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { makeFolder } from "../src/backup/backup-folder.ts";
import { dumpTables } from "../src/backup/dump-tables.ts";
import { openDatabase } from "../src/platform/postgres/database.ts";
import { openReplicas } from "../src/platform/postgres/replicas.ts";
import type { Statement } from "../src/platform/postgres/statement.ts";
import { startChatServer, type ChatServer, type TestUser } from "./fixtures/chat-server.ts";

const patient = { timeout: 30_000, interval: 50 };

let primary: SystemPostgres;
let replica: PostgresServer;
let url: string;
/** Two nodes without Redis, so that each history is read from a database. */
let a: ChatServer;
let b: ChatServer;
let ada: TestUser;
let ben: TestUser;

const urlOf = ({ port }: { port: number }): string =>
  Object.assign(new URL(url), { port: `${port}` } satisfies Partial<URL>).href;

beforeAll(async () => {
  primary = await startSystemPostgres();
  url = primary.createDatabase();
  replica = await startReplica(primary.port);
  const env = { DATABASE_URL: url, DATABASE_REPLICA_URLS: urlOf(replica) };
  [a, b] = [await startChatServer(env), await startChatServer(env)];
  [ada, ben] = [await a.register("ada"), await a.register("ben")];
});
afterAll(async () => {
  for (const one of [a, b, replica, primary]) await one[Symbol.asyncDispose]();
});

const metric = async (node: ChatServer, name: string): Promise<number> => {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(name));
  return Number(line?.split(" ").at(-1) ?? 0);
};
const readFrom = (node: ChatServer, where: "replica" | "primary"): Promise<number> =>
  metric(node, `om_replica_reads_total{from="${where}"}`);
const isUsed = (node: ChatServer): Promise<number> => metric(node, 'om_ready{part="replicas"}');

async function say(node: ChatServer, content: string): Promise<number> {
  const draft = { recipient_id: ben.id, content, client_id: content };
  return (await node.post("/api/messages", ada, draft)).body["id"] as number;
}

/** The newest messages, and those below the one with this id, which no cache has. */
async function seen(node: ChatServer, id: number): Promise<string[]> {
  const pages = ["", `&cursor=${id + 1}`].map((more) => `/api/messages?recipient_id=${ada.id}&limit=5${more}`);
  const answers = await Promise.all(pages.map((page) => node.get(page, ben)));
  return answers.map(({ body }) => (body["messages"] as { content: string }[])[0]?.content ?? "");
}

beforeEach(async () => {
  for (const node of [a, b]) await expect.poll(() => isUsed(node), patient).toBe(1);
});

test("whatever was acknowledged by one node is seen at the other, and a replica answers", async () => {
  await expect
    .poll(async () => {
      for (let n = 0; n < 20; n++) {
        const content = `at once ${await readFrom(b, "replica")} ${n}`;
        const [to, at] = n % 2 === 0 ? [a, b] : [b, a];
        expect(await seen(at, await say(to, content))).toEqual([content, content]);
      }
      return readFrom(b, "replica");
    }, patient)
    .toBeGreaterThan(10);
  const before = await readFrom(a, "replica");
  await expect
    .poll(async () => {
      const found = await a.get("/api/users/search?q=BEN", ada);
      expect(found.body).toMatchObject({ users: [{ username: "ben" }] });
      return readFrom(a, "replica");
    }, patient)
    .toBeGreaterThan(before);
});

test("one that lags is not asked for what it has not; it is left out, and comes back by itself", async () => {
  replica.sql(urlOf(replica), "select pg_wal_replay_pause()");
  const before = await readFrom(b, "primary");
  const id = await say(a, "while it stands still");
  expect(await seen(b, id)).toEqual(["while it stands still", "while it stands still"]);
  expect(await readFrom(b, "primary")).toBeGreaterThan(before);
  await a.put(`/api/messages/${id}`, ada, { content: "and edited" });
  expect(await seen(b, id)).toEqual(["and edited", "and edited"]);
  await expect.poll(() => isUsed(b), patient).toBe(0);
  expect(await (await fetch(`${b.url}/ready`)).json()).toMatchObject({
    status: "ok",
    optional: { replicas: "unavailable" },
  });
  replica.sql(urlOf(replica), "select pg_wal_replay_resume()");
  await expect.poll(() => isUsed(b), patient).toBe(1);
});

test("one that dies costs nobody an answer, and comes back by itself", async () => {
  const id = await say(a, "before it died");
  await replica.kill();
  for (const node of [a, b]) expect(await seen(node, id)).toEqual(["before it died", "before it died"]);
  await expect.poll(() => isUsed(a), patient).toBe(0);
  await replica.start();
  await expect.poll(() => isUsed(a), patient).toBe(1);
});

test("a backup may be made from one", async () => {
  const folder = join(mkdtempSync(join(tmpdir(), "om-backup-")), "backup");
  makeFolder(folder);
  const client = new pg.Client(urlOf(replica));
  try {
    await client.connect();
    const { tables } = await dumpTables(client, folder);
    expect(tables.find(({ name }) => name === "users")?.rows).toBe(2);
  } finally {
    await client.end();
    rmSync(dirname(folder), { recursive: true });
  }
});

test("what is no replica of this database is left out, which is said once with its reason", async () => {
  await using foreign = await startSystemPostgres();
  await using copy = await startReplica(foreign.port);
  await using db = openDatabase({ connection: { connectionString: url }, poolSize: 2, onOutage: () => undefined });
  primary.createDatabase();
  const places = {
    good: urlOf(replica),
    primary: url,
    "other database": urlOf(replica).replace(/\w+$/, "t2"),
    "other cluster": `postgresql://postgres@127.0.0.1:${copy.port}/t1`,
    nothing: "postgresql://postgres@127.0.0.1:9/t1",
  };
  // With our tables, as after a dump.
  foreign.createDatabase();
  const dump = primary.dump(url);
  foreign.load(`postgresql://postgres@127.0.0.1:${foreign.port}/t1`, dump);
  const told = vi.fn<(name: string, why: string) => void>();
  await using replicas = openReplicas({
    db,
    aside: db,
    servers: Object.entries(places).map(([name, connectionString]) => ({
      name,
      connection: async () => ({ connectionString }),
    })),
    poolSize: 1,
    events: { leftOut: told, used: (name) => told(name, "used"), read: () => undefined },
  });
  const words = (name: string): string[] => told.mock.calls.filter(([of]) => of === name).map(([, why]) => why);
  await expect
    .poll(() => Object.keys(places).every((name) => words(name).length > 1 || name === "good"), patient)
    .toBe(true);
  expect(words("good")).toEqual(["used"]);
  expect(words("primary")[0]).toContain("takes writes itself");
  expect(words("other database")[0]).toMatch(/does not exist|cache_control/);
  expect(words("other cluster").at(-1)).toContain("another cluster");
  expect(words("nothing")[0]).toMatch(/ECONNREFUSED/);
  expect(replicas.state()).toEqual({ used: 1, all: 5 });
  const where: Statement<{ is_standby: boolean }> = { name: "", text: "select pg_is_in_recovery() as is_standby" };
  expect(await replicas.db.query(where, [])).toEqual([{ is_standby: false }]);
  await expect
    .poll(async () => (await replicas.db.query({ ...where, onReplica: true }, []))[0]?.is_standby, patient)
    .toBe(true);
  // A transaction is one of the primary, whatever is asked in it.
  expect(await db.transaction((queries) => queries.query({ ...where, onReplica: true }, []))).toEqual([
    { is_standby: false },
  ]);
});
