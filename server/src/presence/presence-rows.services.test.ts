import { startPostgres } from "@om/services";
import pg from "pg";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { migratedDatabase } from "../../tests/fixtures/migrated-database.ts";
import { openRowsNode, type PresenceNode } from "../../tests/fixtures/presence-nodes.ts";
import { presenceSuite, untilCount, untilOnline } from "../../tests/fixtures/presence-suite.ts";
import { migrate } from "../platform/postgres/migrate.ts";

const patient = { timeout: 20_000, interval: 5 };
let url: string;
beforeAll(async () => {
  url = await migratedDatabase();
});

async function rows(text: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const result = await client.query({ text, rowMode: "array" });
  await client.end();
  return result.rows as unknown[][];
}
const waits = "select exists (select from pg_locks where locktype = 'advisory' and not granted)";
beforeEach(() => rows("truncate presence, presence_nodes"));
const toldOf = (node: PresenceNode, userId: number): boolean[] =>
  node.changes.filter((change) => change.userId === userId).map(({ online }) => online);

describe("presence by way of PostgreSQL", () => presenceSuite(() => openRowsNode(url)));

test("two nodes, several devices: online from the first device anywhere to the last one's end, and told once each", async () => {
  await using a = await openRowsNode(url);
  await using b = await openRowsNode(url);
  const first = a.connect(1);
  await untilOnline(b.presence, 1, true);
  const others = [a.connect(1), b.connect(1), b.connect(1), b.connect(2)];
  await untilCount(a.presence, 2);
  first();
  others[0]?.();
  others[1]?.();
  // Whoever leaves later has left: all that was to be told before has been told.
  const third = a.connect(3);
  third();
  await vi.waitFor(() => expect(toldOf(a, 3)).toEqual([true, false]), patient);
  await untilOnline(a.presence, 1, true);
  others[2]?.();
  await vi.waitFor(() => expect(toldOf(b, 1)).toEqual([false]), patient);
  expect(toldOf(a, 1)).toEqual([true]);
  await untilOnline(a.presence, 1, false);
  expect(await rows("select user_id from presence")).toEqual([["2"]]);
  expect([a.failures, b.failures]).toEqual([[], []]);
});

test("of a user who leaves two nodes in the same moment the second is told that nobody has them", async () => {
  const clients = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })] as const;
  const [one, other] = clients;
  await Promise.all(clients.map((client) => client.connect()));
  const remove = async (client: pg.Client, node: string): Promise<string[]> =>
    (await client.query<{ gone: string[] }>("select remove_presence($1, '{5}') as gone", [node])).rows[0]?.gone ?? [];
  await rows("insert into presence_nodes select n, 'infinity' from unnest(array['a', 'b']) n");
  await rows("insert into presence select 5, n from unnest(array['a', 'b']) n");
  await one.query("begin");
  expect(await remove(one, "a")).toEqual([]);
  const second = remove(other, "b");
  // By then the other has come as far as it can.
  await Promise.race([second, vi.waitFor(async () => expect(await rows(waits)).toEqual([[true]]), patient)]);
  await one.query("commit");
  expect(await second).toEqual(["5"]);
  await Promise.all(clients.map((client) => client.end()));
});

test("the users of a node that died are told as gone, those on another node too are not; a node that stops leaves nothing", async () => {
  await using b = await openRowsNode(url);
  await using a = await openRowsNode(url, { lifeMs: 300 });
  for (let userId = 1; userId <= 250; userId++) a.connect(userId);
  b.connect(7);
  b.connect(999);
  await untilCount(b.presence, 251);
  await a.kill();
  await untilCount(b.presence, 2);
  await untilOnline(b.presence, 1, false);
  await untilOnline(b.presence, 7, true);
  const gone = new Set(b.changes.filter(({ nodeDied }) => nodeDied === true).map(({ userId }) => userId));
  expect([gone.size, gone.has(7)]).toEqual([249, false]);
  await vi.waitFor(async () => expect(await rows("select count(*) from presence_nodes")).toEqual([["1"]]), patient);
  await b[Symbol.asyncDispose]();
  expect(await rows("select node from presence union all select node from presence_nodes")).toEqual([]);
});

test("when a crash of PostgreSQL took the tables nobody is called offline, and all are written again", async () => {
  await using postgres = await startPostgres();
  const own = postgres.createDatabase();
  await migrate({ connectionString: own });
  await using a = await openRowsNode(own);
  await using b = await openRowsNode(own);
  a.connect(1);
  await untilOnline(b.presence, 1, true);
  await postgres.kill();
  await untilOnline(b.presence, 1, undefined);
  await postgres.start();
  await vi.waitFor(async () => {
    const online = (await b.presence.lookup([1]))(1);
    expect(online).not.toBe(false);
    expect(online).toBe(true);
  }, patient);
  await untilCount(b.presence, 1);
  expect([a.failures, b.failures]).toEqual([[], []]);
});

test("a node without others asks PostgreSQL for nobody", async () => {
  await using a = await openRowsNode(url);
  a.connect(1);
  await untilOnline(a.presence, 2, false);
  await vi.waitFor(async () => {
    await rows("insert into presence values (3, 'nobody')");
    const online = await a.presence.lookup([3]);
    await rows("delete from presence where user_id = 3");
    expect(online(3)).toBe(false);
  }, patient);
});
