import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres, type PostgresServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addOddRows } from "./fixtures/first-server-odd-rows.ts";
import { generateRows, oldTime, oldToken, type OldMessage, type OldRows } from "./fixtures/first-server-rows.ts";
import { addOldRows, createFirstServer, onDatabase } from "./fixtures/first-server.ts";
import { dumpImport } from "./fixtures/import-dump.ts";
import { startImport } from "./fixtures/import-process.ts";
import { importTarget, type ImportTestTarget } from "./fixtures/import-target.ts";
import { startTestServer } from "@om/server/fixtures/test-server";
import { createProgress } from "../src/progress.ts";
import { reportLines, type Report } from "../src/report.ts";
import { runImport } from "../src/run-import.ts";

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

function smallRows(): OldRows {
  const rows = generateRows({ users: 60, messages: 1_500, seed: 5 });
  addOddRows(rows, { oddVersion: false });
  return rows;
}

function importFrom(url: string, target: ImportTestTarget): Promise<Report> {
  const progress = createProgress({ write: () => undefined });
  return target.open((to) => runImport({ from: { connectionString: url }, to, pageSize: 400, progress }));
}

function message(id: number, what: Partial<OldMessage>): OldMessage {
  return {
    id,
    created_at: oldTime(id),
    deleted_at: null,
    client_id: `later-${id}`,
    sender_id: 30,
    recipient_id: null,
    group_id: null,
    content: `later ${id}`,
    message_type: "text",
    status: "sent",
    is_delivered: false,
    is_read: false,
    ...what,
  };
}

test("a second run over the same source changes nothing", async () => {
  const url = await createFirstServer(postgres, "migrations", smallRows());
  await using target = importTarget("PostgreSQL", postgres);
  const first = await importFrom(url, target);
  const before = await dumpImport(target);
  const positions = await target.rows("select xmin, * from participants order by user_id, conversation_id");
  const second = await importFrom(url, target);
  expect(second).toMatchObject({ complete: true, repeat: true });
  expect(second.issues).toEqual(first.issues);
  const after = await dumpImport(target);
  // Only the versions of the lists move, so that no cache stays.
  const still = (dump: Record<string, unknown[]>): unknown => ({
    ...dump,
    users: (dump["users"] as Record<string, unknown>[]).map((user) => ({ ...user, list_ver: undefined })),
  });
  expect(still(after)).toEqual(still(before));
  expect(await target.rows("select xmin, * from participants order by user_id, conversation_id")).toEqual(positions);
});

test("a later run adds what is new, moves positions on, and refuses conversations that were used here", async () => {
  const rows = smallRows();
  const url = await createFirstServer(postgres, "orm", rows);
  await using target = importTarget("PostgreSQL", postgres);
  await importFrom(url, target);
  {
    await using server = await startTestServer({ env: target.env });
    const login = await server.request("POST", "/api/auth/refresh", { cookie: `om_refresh=${oldToken(31)}` });
    const { access_token: token } = login.json() as { access_token: string };
    const sent = await server.request("POST", "/api/messages", { token, body: { recipient_id: 32, content: "here" } });
    expect(sent.status).toBe(201);
  }
  const next = 10_000;
  await addOldRows(url, {
    users: [{ ...(rows.users[0] as OldRows["users"][number]), id: 61, username: "nIKA", email: "sixty@example.org" }],
    group_members: [{ group_id: 4, user_id: 61, role: "member", joined_at: oldTime(1) }],
    messages: [
      message(next, { recipient_id: 61 }),
      message(next + 1, { sender_id: 61, recipient_id: 30, is_read: true }),
      message(next + 2, { sender_id: 61, group_id: 4 }),
      message(next + 4, { sender_id: 6, group_id: 7 }),
      message(next + 3, { sender_id: 32, recipient_id: 31, content: "too late" }),
    ],
  });
  const [gone] = rows.group_members.filter(({ group_id, user_id }) => group_id === 4 && user_id !== 22);
  const pair = rows.messages.find(
    (one) => one.recipient_id === one.sender_id + 1 && one.sender_id > 40 && one.deleted_at === null && !one.is_read,
  );
  await onDatabase(url, async (client) => {
    await client.query("delete from group_members where group_id = 4 and user_id = $1", [gone?.user_id]);
    await client.query(
      "update messages set is_read = true, status = 'read' where sender_id = $1 and recipient_id = $2",
      [pair?.sender_id, pair?.recipient_id],
    );
    await client.query("update refresh_tokens set revoked_at = now() where user_id = 33");
  });

  const report = await importFrom(url, target);
  expect(report.complete).toBe(false);
  expect(report.comparison).toMatchObject({ different: 0, used: 1 });
  expect(report.issues.find(({ reason }) => reason === "message_conversation_used")).toMatchObject({
    count: 1,
    examples: [String(next + 3)],
  });
  expect(reportLines(report).at(-1)).toMatch(/not everything is here/);
  const talk = (a: number, b: number): Promise<Record<string, number>[]> =>
    target.rows(`select p.user_id, c.seq, c.ver, p.read_seq, p.delivered_seq, p.sent, p.sent_at_read, p.skipped
      from conversations c join participants p on p.conversation_id = c.id where c.lo = ${a} and c.hi = ${b} order by 1`);
  expect(await talk(30, 61)).toEqual([
    { user_id: 30, seq: 2, ver: 2, read_seq: 2, delivered_seq: 2, sent: 1, sent_at_read: 1, skipped: 0 },
    { user_id: 61, seq: 2, ver: 2, read_seq: 0, delivered_seq: 0, sent: 1, sent_at_read: 0, skipped: 0 },
  ]);
  // The group was at version 1 while it was empty.
  expect(await target.rows("select seq, ver, last_message_id from conversations where group_id = 7")).toEqual([
    { seq: 1, ver: 2, last_message_id: next + 4 },
  ]);
  const [name] = await target.rows<{ username: string }>("select username from users where id = 61");
  expect(name?.username).toBe("nIKA_61");
  const members = await target.rows<{ user_id: number; here: boolean }>(
    `select p.user_id, p.left_at is null as here from participants p join conversations c on c.id = p.conversation_id
     where c.group_id = 4`,
  );
  expect(members).toContainEqual({ user_id: 61, here: true });
  expect(members).toContainEqual({ user_id: gone?.user_id, here: false });
  const [reader] = await target.rows<{ left: number }>(
    `select (c.seq - p.read_seq) - (p.sent - p.sent_at_read) - p.skipped as left from conversations c
       join participants p on p.conversation_id = c.id
     where c.lo = ${pair?.sender_id} and c.hi = ${pair?.recipient_id} and p.user_id = c.hi`,
  );
  expect(reader?.left).toBe(0);
  const sessions = await target.rows<{ n: number }>("select count(*) as n from sessions where user_id = 33");
  expect(sessions).toEqual([{ n: 0 }]);
  const [last] = await target.rows<{ content: string }>(
    "select m.content from conversations c join messages m on m.id = c.last_message_id where c.lo = 31 and c.hi = 32",
  );
  expect(last?.content).toBe("here");
});

test("what came late, or was changed here behind the importer's back, is named and exit 1", async () => {
  const url = await createFirstServer(postgres, "orm", smallRows());
  await using target = importTarget("PostgreSQL", postgres);
  await importFrom(url, target);
  await addOldRows(url, { messages: [message(9_001, { recipient_id: 40 })] });
  await importFrom(url, target);
  await addOldRows(url, { messages: [message(9_000, { recipient_id: 40 })] });
  // Without a new version, which the guard of the cache would give: then it would be a conversation that is used here.
  await target.rows(
    "set om.marked = '1'; update messages set content = 'other' where sender_id = 50 and client_id like 'client-%'",
  );
  const report = await importFrom(url, target);
  expect(report.complete).toBe(false);
  expect(report.issues).toContainEqual(expect.objectContaining({ reason: "message_late", examples: ["9000"] }));
  expect(report.comparison?.differences).toContainEqual(
    expect.stringMatching(/^users 30 and 40: \d+ messages in the source/),
  );
  expect(report.comparison?.differences).toContainEqual(
    expect.stringMatching(/^users \d+ and \d+: the messages differ$/),
  );
  const ended = await startImport(["--from", url], target.env).ended;
  expect(ended.code).toBe(1);
  expect(ended.stdout).toMatch(/users 30 and 40: /);
});

test("a dry run reports the same and writes nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "om-dry-"));
  const json = join(folder, "report.json");
  const url = await createFirstServer(postgres, "orm", smallRows());
  const env = { DATA_DIR: join(folder, "data") };
  const dry = await startImport(["--from", url, "--dry-run", "--json", json], env).ended;
  expect(dry.code).toBe(0);
  expect(dry.stdout).toMatch(/Dry run: nothing was written/);
  expect(existsSync(env.DATA_DIR)).toBe(false);
  await using target = importTarget("PostgreSQL", postgres);
  const onPostgres = await startImport(["--from", url, "--dry-run"], target.env).ended;
  expect(onPostgres.code).toBe(0);
  expect(await target.rows("select from pg_class where relnamespace = 'public'::regnamespace")).toEqual([]);
  const real = await importFrom(url, target);
  const told = JSON.parse(readFileSync(json, "utf8")) as Report;
  expect(told.issues).toEqual(real.issues);
  const expected = (report: Report): unknown =>
    Object.fromEntries(Object.entries(report.counts).map(([kind, count]) => [kind, count.expected]));
  expect(expected(told)).toEqual(expected(real));
  rmSync(folder, { recursive: true });
});
