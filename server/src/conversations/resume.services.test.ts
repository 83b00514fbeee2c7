import { startPostgres, type PostgresServer } from "@om/services";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUserViews } from "../accounts/user-view.ts";
import { storeMessages } from "../messages/message-store.ts";
import { openDatabase, type Database } from "../platform/postgres/database.ts";
import { migrate } from "../platform/postgres/migrate.ts";
import { conversationStore } from "./conversation-store.ts";
import { listChanges } from "./list-changes.ts";
import { presenceSource } from "../../tests/fixtures/presence-source.ts";

let server: PostgresServer;
let url: string;
let db: Database;
const views = createUserViews({ exposeEmails: false, presence: presenceSource() });
const message = (senderId: number, recipientId: number, clientId: string) => ({
  senderId,
  to: { recipientId },
  clientId,
  content: clientId,
  messageType: "text" as const,
  replyToId: undefined,
});
const me = { userId: 1, email: "", role: "user" };

beforeAll(async () => {
  server = await startPostgres();
  url = server.createDatabase();
  await migrate({ connectionString: url });
  db = openDatabase({ connection: { connectionString: url }, poolSize: 4, onOutage: () => undefined });
  server.sql(
    url,
    "insert into users (username, email, password_hash) select 'u' || g, 'u' || g, '-' from generate_series(1, 9) g;" +
      " insert into user_state (user_id) select id from users",
  );
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function changedPeers(cursor: string): Promise<{ cursor: string; peers: string[] }> {
  const answer = await listChanges({ store: conversationStore(db), views }, me, { cursor });
  return { cursor: answer.cursor, peers: answer.conversations.map((one) => one.conversation_id) };
}

test("a transaction that commits after a later one is not skipped by a cursor taken in between", async () => {
  const store = conversationStore(db);
  await storeMessages(db, [message(2, 1, "a"), message(3, 1, "b")]);
  await store.markDurable();
  const before = await changedPeers("");

  const slow = new pg.Client({ connectionString: url });
  await slow.connect();
  await slow.query("begin; set local lock_timeout = '1s'");
  await slow.query(
    "select send_batch(array[2], array[4], array[null]::bigint[], array['slow'], array['text'], array['slow'], array[null]::bigint[], null)",
  );
  // Its transaction number is drawn; a later one commits first, in a conversation of the same user.
  await slow.query(
    "select send_batch(array[2], array[1], array[null]::bigint[], array['slow2'], array['text'], array['slow2'], array[null]::bigint[], null)",
  );
  const fast = new pg.Client({ connectionString: url });
  await fast.connect();
  // As another node would, without the user's lock that would make it wait; nor does the guard of the cache take it.
  await fast.query("set om.marked = '1'");
  await fast.query(
    "update conversations set ver = ver + 1, changed_xid = pg_current_xact_id() where lo = 1 and hi = 3",
  );
  await store.markDurable();

  const between = await changedPeers(before.cursor);
  expect(between.peers).toContain("user_3");
  expect(between.peers).not.toContain("user_4");
  await slow.query("commit");
  await Promise.all([slow.end(), fast.end()]);
  const after = await changedPeers(between.cursor);
  expect(after.peers).toContain("user_2");
});

test("a cursor never passes a transaction whose number a crash could give out again", async () => {
  const store = conversationStore(db);
  await store.markDurable();
  const cursor = (await changedPeers("")).cursor;
  // Numbers used up by transactions that leave nothing on disk: rolled back, or committed without waiting for the disk.
  server.sql(url, "begin; select pg_current_xact_id(); rollback");
  server.sql(url, "begin; set local synchronous_commit = off; select pg_current_xact_id(); commit");
  expect((await changedPeers("")).cursor).toBe(cursor);
  await store.markDurable();
  const later = (await changedPeers("")).cursor;
  expect(Number(later.split(".")[1])).toBeGreaterThan(Number(cursor.split(".")[1]));
});

test("the cursor moves with the work of others, and an idle database is not written to", async () => {
  const store = conversationStore(db);
  await store.markDurable();
  await store.markDurable();
  const read = (): string => server.sql(url, "select durable_xid, xmin from installation");
  const before = read();
  await store.markDurable();
  expect(read()).toBe(before);
});

test("a cursor that is forged, foreign or old shows its bearer no more than their own, and never too little", async () => {
  const deps = { store: conversationStore(db), views };
  await storeMessages(db, [message(2, 1, "mine"), message(5, 6, "others")]);
  await deps.store.markDurable();
  const { cursor, conversations: all } = await listChanges(deps, me, {});
  const [epoch = "", point = ""] = cursor.split(".");
  const asked = (given: string, who = me) => listChanges(deps, who, { cursor: given });
  // Of another installation or time line, or of a time that is yet to come: everything, and it says so.
  for (const given of [`${epoch.replaceAll(/./g, "0")}.${point}`, `${epoch}.${Number(point) + 1_000_000}`])
    expect(await asked(given)).toMatchObject({
      reset: true,
      conversations: all,
      removed: [],
      users: null,
      blocked: [],
    });
  // However old: all of it, without a new beginning.
  expect(await asked(`${epoch}.0`)).toMatchObject({ reset: false, conversations: all });
  const stranger = await asked(cursor, { ...me, userId: 9 });
  expect(stranger).toMatchObject({ reset: false, conversations: [], removed: [], groups: [], users: [] });
  for (const given of [
    "x",
    epoch,
    `${epoch}.`,
    `${epoch}.-1`,
    `${epoch}.1e3`,
    `${epoch}.99999999999999999`,
    `${cursor}'`,
  ])
    await expect(asked(given)).rejects.toMatchObject({ code: "invalid_cursor" });
  await expect(listChanges(deps, me, { cursor, after: "1 or 1=1" })).rejects.toMatchObject({ code: "invalid_cursor" });
});

test("of more people than are told one by one it is told that any may have changed, and of fewer who", async () => {
  const deps = { store: conversationStore(db), views };
  await storeMessages(db, [message(3, 1, "known")]);
  await deps.store.markDurable();
  const { cursor } = await listChanges(deps, me, {});
  const changed = async (): Promise<number[] | null | undefined> =>
    (await listChanges(deps, me, { cursor })).users?.map(({ id }) => id) ?? null;
  server.sql(url, "update users set full_name = 'x' where id in (3, 7, 8); update users set last_seen = now()");
  expect(await changed()).toEqual([3]);
  server.sql(
    url,
    `insert into users (username, email, password_hash) select 'm' || g, 'm' || g, '-' from generate_series(1, 600) g;
     insert into user_state (user_id) select id from users where username like 'm%' on conflict do nothing;
     insert into groups (id, name, creator_id) values (99, 'many', 1);
     with made as (insert into conversations (group_id, ver) values (99, 1) returning id)
     insert into participants (user_id, conversation_id) select u.id, made.id from users u, made where u.id = 1 or username like 'm%';
     update users set full_name = 'y' where username in (select 'm' || g from generate_series(1, 300) g)`,
  );
  expect((await changed())?.length).toBe(301);
  server.sql(url, "update users set full_name = 'z' where username like 'm%'");
  expect(await changed()).toBeNull();
});
