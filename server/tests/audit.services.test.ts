import { afterAll, beforeAll, expect, test } from "vitest";
import { actStore, writeAct } from "../src/acts/act-store.ts";
import { chainActs, sealActs, sealText } from "../src/acts/chain-acts.ts";
import { verifyActs } from "../src/acts/verify-acts.ts";
import { verifyHistory } from "../src/messages/verify-history.ts";
import { openDatabase, type Database } from "../src/platform/postgres/database.ts";
import { createSigner } from "../src/platform/signature.ts";
import { startServerPair, type ServerPair } from "./fixtures/server-pair.ts";
import { migratedDatabase } from "./fixtures/migrated-database.ts";

let pair: ServerPair;
beforeAll(async () => void (pair = await startServerPair()));
afterAll(() => pair[Symbol.asyncDispose]());

test("whatever those in charge do stands in the audit log with who, to whom and from where, once, and only if it was done", async () => {
  const boss = await pair.administrator();
  const [ada, ben] = await pair.people("ada_a", "ben_a");
  if (ada === undefined || ben === undefined) throw new Error("nobody there");
  const group = (await pair.ask(ada, "POST", "/api/groups", { name: "A group" }))["id"] as number;
  const user = `/api/admin/users/${ben.id}`;
  const { token } = await pair.ask(boss, "POST", `${user}/reset-link`);
  await pair.ask(ben, "POST", "/api/auth/reset-password", { token, new_password: "quite another one" });
  const { invitation } = await pair.ask(boss, "POST", "/api/admin/invites", {});
  await pair.ask(boss, "DELETE", `/api/admin/invites/${(invitation as { id: number }).id}`);
  await pair.ask(boss, "PUT", `${user}/role`, { role: "moderator" });
  await pair.ask(boss, "POST", `${user}/sign-out`);
  const members = `/api/groups/${group}/members`;
  await pair.ask(ada, "POST", members, { user_id: ben.id });
  await pair.ask(ada, "POST", members, { user_id: ben.id });
  await pair.ask(ada, "PUT", `${members}/${ben.id}`, { role: "admin" });
  await pair.ask(ada, "PUT", `/api/groups/${group}`, { name: "Another" });
  const { token: link } = await pair.ask(ada, "POST", `/api/groups/${group}/invite-links`, {});
  await pair.ask(ada, "DELETE", `/api/groups/${group}/invite-links/${String(link)}`);
  await pair.ask(ada, "DELETE", `${members}/${ben.id}`);
  // Refused, so it was not done.
  const refused = [
    pair.live.request("PUT", `${user}/state`, { token: ada.token, body: { state: "disabled" } }),
    pair.live.request("DELETE", `${members}/${boss.id}`, { token: ben.token }),
  ];
  expect((await Promise.all(refused)).map(({ status }) => status)).toEqual([403, 403]);
  await pair.ask(boss, "PUT", `${user}/state`, { state: "disabled" });
  await pair.ask(boss, "DELETE", user);
  const told = async (query: string) => {
    const answer = await pair.ask(boss, "GET", `/api/admin/audit?${query}`);
    return answer["acts"] as {
      id: number;
      act: string;
      actor_id: number;
      user_id: number;
      group_id: number;
      origin: string;
    }[];
  };
  const all = (await told("limit=100")).toReversed();
  expect(all.map(({ act, actor_id, user_id, group_id }) => [act, actor_id, user_id, group_id])).toEqual([
    ["register", boss.id, boss.id, null],
    ["make_reset_link", boss.id, ben.id, null],
    ["reset_password", ben.id, ben.id, null],
    ["make_invitation", boss.id, null, null],
    ["revoke_invitation", boss.id, null, null],
    ["set_account_role", boss.id, ben.id, null],
    ["sign_out_account", boss.id, ben.id, null],
    ["add_member", ada.id, ben.id, group],
    ["set_role", ada.id, ben.id, group],
    ["edit_group", ada.id, null, group],
    ["create_invite", ada.id, null, group],
    ["revoke_invite", ada.id, null, group],
    ["remove_member", ada.id, ben.id, group],
    ["set_account_state", boss.id, ben.id, null],
    ["delete_account_of", boss.id, ben.id, null],
  ]);
  expect(new Set(all.map(({ origin }) => origin))).toEqual(new Set(["127.0.0.1"]));
  expect(await told(`limit=2&before=${all[2]?.id}`)).toMatchObject([{ act: "make_reset_link" }, { act: "register" }]);
  expect(await told(`user_id=${ada.id}&limit=1`)).toMatchObject([{ act: "remove_member" }]);
  // A node chains them by itself, without anybody who asks.
  await expect.poll(() => pair.sql("select count(*) from acts where nr is null").trim(), { timeout: 10_000 }).toBe("0");
  expect((await pair.live.request("GET", "/api/admin/audit", { token: ada.token })).status).toBe(403);
});

const signer = createSigner(["the key of this server, kept elsewhere"], "test");
const thief = createSigner(["a key that somebody else has made up"], "test");

const freshDatabase = async (): Promise<Database> =>
  openDatabase({ connection: { connectionString: await migratedDatabase() }, poolSize: 2, onOutage: () => undefined });

/** Six acts, of which the first four were sealed three days ago. */
async function sixActs(db: Database): Promise<void> {
  const actor = { userId: undefined, origin: "here" };
  for (let userId = 1; userId <= 6; userId += 1) {
    await writeAct(db, actor, { act: "sign_out_account", userId });
    await chainActs(db);
    if (userId === 4) expect(await sealActs(db, signer)).toMatchObject({ nr: 4 });
  }
  const [seal] = await actStore(db).seals(1);
  if (seal === undefined) throw new Error("nothing is sealed");
  const old = {
    ...seal,
    sealed_at: new Date(Date.parse(seal.sealed_at) - 3 * 24 * 3_600_000).toISOString().replace(".000", ""),
  };
  await db.query({ name: "", text: "delete from act_seals" }, []);
  await actStore(db).seal({ ...old, signature: signer.sign(sealText(old)) });
}
const secretly = "alter table acts disable trigger acts_kept;";
const chainAnew = async (db: Database): Promise<void> => {
  await db.query({ name: "", text: "update acts set nr = null, before = null, hash = null" }, []);
  await chainActs(db);
};

test.each([
  ["nothing", "select 1", []],
  ["a changed one", "update acts set user_id = 99 where nr = 3", [{ nr: 3, what: "changed" }]],
  ["a missing one", "delete from acts where nr = 3", [{ nr: 3, what: "missing" }]],
  ["the newest of a seal missing", "delete from acts where nr >= 4", [{ nr: 4, what: "missing" }]],
  [
    "two that changed places",
    "update acts set nr = -nr where nr in (5, 6); update acts set nr = 11 + nr where nr < 0",
    [
      { nr: 5, what: "reordered" },
      { nr: 6, what: "reordered" },
    ],
  ],
  [
    "one missing and the others renumbered",
    "delete from acts where nr = 3; update acts set nr = nr - 1 where nr > 3",
    [
      { nr: 2, what: "changed" },
      { nr: 4, what: "changed" },
    ],
  ],
  ["all chained anew", "update acts set user_id = 99 where nr = 3", [{ nr: 4, what: "changed" }]],
] as const)("the audit log is read again: %s", async (what, tamper, faults) => {
  await using db = await freshDatabase();
  await sixActs(db);
  for (const text of [secretly, ...tamper.split("; ")]) await db.query({ name: "", text }, []);
  if (what === "all chained anew") await chainAnew(db);
  const found = await verifyActs(db, signer, []);
  expect(found.faults).toMatchObject(faults);
  // Nobody seals what does not follow from the last seal, nor makes a seal without the key.
  await expect(sealActs(db, thief)).rejects.toThrow("npx om audit verify");
  if (faults.some(({ nr }) => nr >= 4)) await expect(sealActs(db, signer)).rejects.toThrow("npx om audit verify");
  else expect(await sealActs(db, signer)).toMatchObject(found.head);
});

test("who is not told apart from the database: a seal by another key, and a log that was cut off after its head was noted", async () => {
  await using db = await freshDatabase();
  await sixActs(db);
  const { head } = await verifyActs(db, signer, []);
  expect((await verifyActs(db, thief, [])).sealed).toBeUndefined();
  await db.query({ name: "", text: secretly }, []);
  await db.query({ name: "", text: "delete from acts where nr > 4" }, []);
  expect((await verifyActs(db, signer, [])).faults).toEqual([]);
  expect((await verifyActs(db, signer, [head])).faults).toMatchObject([{ nr: 5, what: "missing" }]);
  await expect(db.query({ name: "", text: "alter table acts enable trigger acts_kept" }, [])).resolves.toEqual([]);
  await expect(db.query({ name: "", text: "delete from acts where nr = 1" }, [])).rejects.toThrow("only added to");
  expect(await actStore(db).last()).toMatchObject({ nr: 4 });
});

test("a flipped byte of a message is found with its place; what the server itself changed is not, and a stranger's checksums are", async () => {
  const [ada, ben] = await pair.people("ada_h", "ben_h");
  if (ada === undefined || ben === undefined) throw new Error("nobody there");
  await using db = openDatabase({
    connection: { connectionString: pair.databaseUrl },
    poolSize: 2,
    onOutage: () => undefined,
  });
  const verify = async (accept = false) => {
    const { faults, ...more } = await verifyHistory(db, signer, { accept });
    return { ...more, faults: faults.map(({ what, id, seq }) => [what, id, seq]) };
  };
  const say = async (content: string): Promise<number> =>
    Number((await pair.ask(ada, "POST", "/api/messages", { recipient_id: ben.id, content }))["id"]);
  const [first, second, third] = [await say("one"), await say("two"), await say("three")];
  const stop = "set session_replication_role = replica; ";
  pair.sql(`${stop} update messages set created_at = created_at - interval '2 hours'`);
  const fresh = await say("too new");
  // The server may have been quicker to make checksums of the three.
  expect(await verify()).toMatchObject({ open: 1, faults: [] });
  await pair.ask(ada, "PUT", `/api/messages/${first}`, { content: "one, said better" });
  expect(await verify()).toEqual({ messages: 3, renewed: 1, open: 1, faults: [] });
  expect(await verify()).toEqual({ messages: 3, renewed: 0, open: 1, faults: [] });
  pair.sql(`${stop} update messages set content = 'twO' where id = ${second}`);
  expect((await verify()).faults).toEqual([["changed", second, 2]]);
  pair.sql(`${stop} update messages set content = 'two' where id = ${second}`);
  // Whoever raises the version by hand has no version of the conversation for it.
  pair.sql(
    `${stop} update messages set content = 'x', ver = ver + 100 where id = ${second}; update messages set id = ${fresh + 100} where id = ${third}`,
  );
  expect((await verify()).faults).toEqual([
    ["changed", second, 2],
    ["missing", third, undefined],
  ]);
  pair.sql(`${stop} update messages set id = ${third} where id = ${fresh + 100}`);
  expect((await verify(true)).faults).toEqual([["changed", second, 2]]);
  expect((await verify()).faults).toEqual([]);
  pair.sql(`update message_sums set signature = ''`);
  expect((await verify()).faults).toEqual([["signature", third, undefined]]);
  await pair.ask(ada, "DELETE", `/api/messages/${fresh}`);
});
