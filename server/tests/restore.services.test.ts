import { startSystemPostgres, type SystemPostgres } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUserViews } from "../src/accounts/user-view.ts";
import { conversationStore } from "../src/conversations/conversation-store.ts";
import { listChanges } from "../src/conversations/list-changes.ts";
import { storeMessages } from "../src/messages/message-store.ts";
import { openDatabase, type Database } from "../src/platform/postgres/database.ts";
import { migrate } from "../src/platform/postgres/migrate.ts";
import { presenceSource } from "./fixtures/presence-source.ts";

let server: SystemPostgres;
beforeAll(async () => {
  server = await startSystemPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());

/** As a server starts: the schema is brought up to date, then the database is opened. */
async function open(connectionString: string): Promise<Database> {
  await migrate({ connectionString });
  return openDatabase({ connection: { connectionString }, poolSize: 2, onOutage: () => undefined });
}

/** Three users; 1 talks with 2 and with 3. */
async function withConversations(): Promise<string> {
  const url = server.createDatabase();
  await using db = await open(url);
  server.sql(
    url,
    "insert into users (username, email, password_hash) select 'u' || g, 'u' || g, '-' from generate_series(1, 3) g;" +
      " insert into user_state (user_id) select id from users",
  );
  await storeMessages(db, [message(1, 2), message(3, 1)]);
  return url;
}

function message(senderId: number, recipientId: number): Parameters<typeof storeMessages>[1][number] {
  const clientId = `${senderId} to ${recipientId}`;
  return { senderId, to: { recipientId }, clientId, content: "hello", messageType: "text", replyToId: undefined };
}

/** What user 1 is told with a cursor, when everything done so far is known to be on disk. */
async function changes(db: Database, cursor?: string): Promise<{ cursor: string; reset: boolean; peers: string[] }> {
  const store = conversationStore(db);
  await db.query({ name: "", text: "select pg_current_xact_id()" }, []);
  await store.markDurable();
  const views = createUserViews({ exposeEmails: false, presence: presenceSource() });
  const answer = await listChanges({ store, views }, { userId: 1, email: "", role: "user" }, { cursor });
  return { cursor: answer.cursor, reset: answer.reset, peers: answer.conversations.map((one) => one.conversation_id) };
}

const spend = (transactions: number): string =>
  `do $$ begin for i in 1..${transactions} loop perform pg_current_xact_id(); commit; end loop; end $$`;

const everybody = ["user_2", "user_3"];

test("a copy of the database in the same cluster answers a cursor of the original with reset, and then its own", async () => {
  const url = await withConversations();
  let cursor: string;
  {
    await using db = await open(url);
    cursor = (await changes(db)).cursor;
    expect(await changes(db, cursor)).toMatchObject({ reset: false, peers: [] });
  }
  const copy = new URL(url);
  copy.pathname = "/copy";
  server.sql(url.replace(/\w+$/, "postgres"), `create database copy template ${new URL(url).pathname.slice(1)}`);
  await using db = await open(copy.href);
  const told = await changes(db, cursor);
  expect(told).toMatchObject({ reset: true, peers: everybody });
  expect(await changes(db, told.cursor)).toMatchObject({ reset: false, peers: [] });
});

test("so does a dump that was loaded again into the very same database", async () => {
  const url = await withConversations();
  let cursor: string;
  {
    await using db = await open(url);
    cursor = (await changes(db)).cursor;
  }
  const dump = server.dump(url);
  server.sql(url, "set client_min_messages = warning; drop schema public cascade; create schema public");
  server.load(url, dump);
  await using db = await open(url);
  expect(await changes(db, cursor)).toMatchObject({ reset: true, peers: everybody });
});

test("a dump loaded into a fresh cluster: what was stamped by higher transaction numbers is not told for ever", async () => {
  const url = await withConversations();
  server.sql(url, spend(3_000));
  {
    await using db = await open(url);
    // A conversation with itself, stamped far in the future of the other cluster.
    await storeMessages(db, [message(1, 1)]);
    await changes(db);
  }
  await using fresh = await startSystemPostgres();
  const restored = fresh.createDatabase();
  fresh.sql(restored, spend(500));
  fresh.load(restored, server.dump(url));
  const stamps = (): string[] =>
    fresh
      .sql(
        restored,
        "select changed_xid from conversations where hi > 1 union all select durable_xid from installation",
      )
      .split("\n");
  const [old, older, durable] = stamps();
  await using db = await open(restored);
  expect(stamps().slice(0, 2)).toEqual([old, older]);
  expect(Number(stamps()[2])).toBeLessThan(Number(durable));
  const told = await changes(db);
  expect(told.peers.toSorted()).toEqual(["user_1", ...everybody]);
  expect(await changes(db, told.cursor)).toMatchObject({ reset: false, peers: [] });
});

test("only the first start in an epoch writes anything", async () => {
  const url = await withConversations();
  const state = (): string => server.sql(url, "select resume_epoch = resume_epoch(), xmin from installation");
  const before = state();
  expect(before).toMatch(/^t\|/);
  await migrate({ connectionString: url });
  expect(state()).toBe(before);
});

test("a durable bound that lies in the future is taken back, so that it bounds again", async () => {
  const url = await withConversations();
  await using db = await open(url);
  server.sql(url, "update installation set durable_xid = '900000000'");
  await conversationStore(db).markDurable();
  const [durable, newest] = server
    .sql(url, "select durable_xid, pg_snapshot_xmax(pg_current_snapshot()) from installation")
    .split("|")
    .map(Number);
  expect(durable).toBeLessThan(newest ?? 0);
});

test("a standby that takes over begins a new epoch at once, not at its next checkpoint", async () => {
  const url = await withConversations();
  const epoch = (): string => server.sql(url, "select resume_epoch()");
  const before = epoch();
  await server.kill();
  await server.promote();
  const after = epoch();
  expect(after).not.toBe(before);
  server.sql(url, "checkpoint");
  expect(epoch()).toBe(after);
});
