import { startPostgres, type PostgresServer } from "@om/services";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountStore } from "../src/accounts/account-store.ts";
import { openCache } from "../src/cache/cache.ts";
import { groupStore } from "../src/groups/group-store.ts";
import { openDatabase } from "../src/platform/postgres/database.ts";
import { migrate, SchemaError } from "../src/platform/postgres/migrate.ts";
import { withoutRedis } from "./fixtures/databases.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A database as an operator has made it: how, and what was set for it afterwards. */
function made(name: string, how: string, settings: string[] = []): string {
  const url = new URL(server.createDatabase());
  server.sql(String(url), `create database ${name} template template0 ${how}`);
  for (const setting of settings) server.sql(String(url), `alter database ${name} set ${setting}`);
  url.pathname = name;
  return String(url);
}

describe.each([
  ["turkish", "encoding 'UTF8' locale_provider icu icu_locale 'tr-TR'", []],
  ["c_locale", "encoding 'UTF8' locale 'C'", []],
  ["settings", "", ["datestyle = 'SQL, DMY'", "timezone = 'Asia/Tokyo'", "search_path = 'elsewhere, public'"]],
])("on a database that is %s", (name, how, settings) => {
  let url: string;
  let db: ReturnType<typeof openDatabase>;
  let accounts: ReturnType<typeof accountStore>;
  let id: number;
  beforeAll(async () => {
    url = made(name, how, settings);
    server.sql(url, "create schema elsewhere; create table elsewhere.users (of_somebody_else int)");
    await migrate({ connectionString: url });
    db = openDatabase({ connection: { connectionString: url }, poolSize: 2, onOutage: () => undefined });
    accounts = accountStore(db, (await openCache({ db, ...withoutRedis })).writes);
    const own = await accounts.create({ username: "INFO_x", email: "a@example.org", passwordHash: "-", fullName: "" });
    id = typeof own === "string" ? 0 : own.id;
  });
  afterAll(() => db[Symbol.asyncDispose]());

  test("a name is unique without case, and found without case", async () => {
    const twin = { username: "info_x", email: "b@example.org", passwordHash: "-", fullName: "" };
    expect(await accounts.create(twin)).toBe("username");
    expect(await accounts.nameTaken("Info_X")).toBe(true);
    expect(await accounts.idByName("info_x")).toBe(id);
    expect(await groupStore(db).handleTaken("info_X", undefined)).toBe(true);
    expect(await accounts.search("info_x", 10, id)).toMatchObject([{ id }]);
  });

  test.each([
    ["ПРИВЕТ", "привет"],
    ["ΑΘΗΝΑΣ", "αθηνασ"],
    ["Αθήνας", "ΑΘΉΝΑΣ"],
    ["Żółw", "żÓŁW"],
    ["E\u0301mile", "éMILE"],
    ["İnci", "inci"],
    ["INCI", "İnci"],
    ["Jose\u0301", "José"],
    ["José", "jose"],
    ["Łukasz Ðorđe", "lukasz ðorde"],
    ["علي", "علی"],
    ["كامران", "کامران"],
    ["می\u200cنا", "مینا"],
    ["مینا", "می\u200cنا"],
    ["حُسَیْن", "حسین"],
    ["فاطمة", "فاطمه"],
    ["ПЁТР", "петр"],
  ])("a search finds %s by %s", async (fullName, text) => {
    await accounts.update(id, { username: undefined, fullName });
    expect(await accounts.search(text, 10, id)).toMatchObject([{ id }]);
    expect(await accounts.search(`${text}x`, 10, id)).toEqual([]);
    const groups = groupStore(db);
    const group = await groups.nextId();
    await groups.create(group, id, { name: fullName, description: "", isPublic: true, handle: `handle_${group}` });
    expect((await groups.search(text, 10)).map((one) => one.id)).toContain(group);
  });

  test("times are the wire's", async () => {
    const [row] = await db.query<{ at: string }>(
      { name: "", text: "select '2026-03-04 05:06:07.5Z'::timestamptz as at" },
      [],
    );
    expect(row?.at).toBe("2026-03-04T05:06:07.5Z");
  });
});

test("a database whose encoding is not UTF-8 is refused in words", async () => {
  const refused = migrate({ connectionString: made("latin1", "encoding 'LATIN1' locale 'C'") });
  await expect(refused).rejects.toThrow(SchemaError);
  await expect(refused).rejects.toThrow("the database's encoding is LATIN1, UTF8 is needed");
});
