import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { openDoor } from "../../src/open/open-door.ts";
import { openStorage, unwatched } from "../../src/open/open-storage.ts";
import type { Answer } from "../fixtures/http-server.ts";
import { migratedDatabase } from "../fixtures/migrated-database.ts";
import { startTestServer, type TestServer } from "../fixtures/test-server.ts";

/** One installation with each of its doors at the same time, which is nobody's wish but this test's. */
const doors = ["open", "invite", "domains", "approval", "closed"] as const;
type DoorName = (typeof doors)[number];
let url: string;
const servers = {} as Record<DoorName, TestServer>;
beforeAll(async () => {
  url = await migratedDatabase();
  for (const REGISTRATION of doors) {
    const env = { DATABASE_URL: url, REGISTRATION, REGISTRATION_DOMAINS: "Example.org" };
    servers[REGISTRATION] = await startTestServer({ env });
  }
}, 60_000);
afterAll(() => Promise.all(Object.values(servers).map((server) => server[Symbol.asyncDispose]())));

const bodyOf = (name: string, more: object = {}) => ({
  username: name,
  email: `${name}@example.org`,
  password: `password of ${name}`,
  ...more,
});
const register = (door: DoorName, name: string, more?: object): Promise<Answer> =>
  servers[door].request("POST", "/api/auth/register", { body: bodyOf(name, more) });
const login = (name: string): Promise<Answer> => {
  const { email, password } = bodyOf(name);
  return servers.closed.request("POST", "/api/auth/login", { body: { email, password } });
};
/** Like the link that the log tells at the first start. */
async function sql(text: string, values: unknown[] = []): Promise<void> {
  const config = parseConfig({ DATABASE_URL: url, JWT_SECRET: "x".repeat(32) });
  await using storage = await openStorage(config, unwatched);
  await storage.db.query({ name: "", text }, values);
}
const hashOf = (token: string): string => createHash("sha256").update(token).digest("hex");

let boss: string;
const asBoss = (method: string, path: string, body?: unknown): Promise<Answer> =>
  servers.invite.request(method, path, body === undefined ? { token: boss } : { token: boss, body });

test("the link of the first start makes one administrator, through every door, once", async () => {
  const env = { DATABASE_URL: url, JWT_SECRET: "x".repeat(32) };
  const config = parseConfig(env);
  await using storage = await openStorage(config, unwatched);
  const { accountInviteStore } = await import("../../src/accounts/account-invite-store.ts");
  const { firstAdministratorToken } = await import("../../src/accounts/first-administrator.ts");
  const invites = accountInviteStore(storage.db);
  const [one, again] = [
    await firstAdministratorToken(invites, "the secret"),
    await firstAdministratorToken(invites, "the secret"),
  ];
  expect(one).toMatch(/^[\w-]{43}$/);
  expect(again).toBe(one);
  const view = await servers.closed.request("GET", `/api/auth/invite/${one}`);
  expect(view.json()).toEqual({ expires_at: null, group: null, role: "administrator" });
  const made = await register("closed", "boss", { invite: one });
  expect([made.status, made.json()["user"]]).toMatchObject([201, { role: "administrator" }]);
  boss = String(made.json()["access_token"]);
  expect((await register("open", "late", { invite: one })).json()).toMatchObject({ code: "invalid_invite" });
  expect(await firstAdministratorToken(invites, "the secret")).toBeUndefined();
});

describe("an app that knows of no door is told in the shape that it knows, and its people go on using it", () => {
  const refusals: Record<DoorName, [status: number, code?: string]> = {
    open: [201],
    invite: [403, "invite_required"],
    domains: [403, "account_waiting"],
    approval: [403, "account_waiting"],
    closed: [403, "registration_closed"],
  };
  test.each(doors)("%s", async (door) => {
    const [status, code] = refusals[door];
    const answer = await register(door, `old_${door}`);
    expect([answer.status, answer.json()["code"]]).toEqual([status, code]);
    if (code !== undefined)
      expect(answer.json()).toEqual({ error: expect.any(String), code, request_id: answer.headers["x-request-id"] });
    const { email, password } = bodyOf("old_open");
    const known = await servers[door].request("POST", "/api/auth/login", { body: { email, password } });
    const token = String(known.json()["access_token"]);
    const sent = await servers[door].request("POST", "/api/messages", {
      token,
      body: { recipient_id: 1, content: `through ${door}` },
    });
    expect([known.status, sent.status]).toEqual([200, 201]);
    const shown = await servers[door].request("GET", "/api/auth/registration");
    expect(shown.json()).toEqual({ registration: door, domains: ["example.org"] });
  });
});

test("domains: an address of another domain is refused, whether it is taken or not", async () => {
  for (const name of ["stranger", "boss"]) {
    const answer = await register("domains", `${name}_2`, { email: `${name}@example.org.evil.example` });
    expect(answer.json()).toMatchObject({ code: "email_not_allowed" });
  }
});

test("approval: who waits is found by nobody and cannot log in, until an administrator lets them in; who is told so has the right password", async () => {
  const waits = await login("old_approval");
  expect([waits.status, waits.json()["code"]]).toEqual([403, "account_waiting"]);
  const { email } = bodyOf("old_approval");
  const wrong = await servers.closed.request("POST", "/api/auth/login", { body: { email, password: "not this one" } });
  expect(wrong.json()).toMatchObject({ code: "invalid_credentials" });
  const found = async () => (await asBoss("GET", "/api/users/search?q=old_approval")).json()["users"];
  expect(await found()).toEqual([]);
  const { accounts } = (await asBoss("GET", "/api/admin/users?state=waiting")).json() as {
    accounts: { id: number; username: string }[];
  };
  expect(accounts.map(({ username }) => username)).toEqual(["old_domains", "old_approval"]);
  const { id } = accounts[1] ?? { id: 0 };
  expect((await asBoss("PUT", `/api/admin/users/${id}/state`, { state: "open" })).json()).toMatchObject({
    account: { state: "open" },
  });
  expect((await login("old_approval")).status).toBe(200);
  expect(await found()).toHaveLength(1);
});

interface Made {
  token: string;
  path: string;
  invitation: { id: number };
}
const invite = async (body: object): Promise<Made> =>
  (await asBoss("POST", "/api/admin/invites", body)).json() as unknown as Made;

test("an invitation lets in as many as it says, however they hurry, into the group that it names, until it expires or is revoked", async () => {
  const group = (await asBoss("POST", "/api/groups", { name: "Team" })).json()["id"];
  const two = await invite({ max_uses: 2, group_id: group, note: "the team" });
  expect(two.path).toBe(`/join/${two.token}`);
  expect((await servers.invite.request("GET", `/api/auth/invite/${two.token}`)).json()).toMatchObject({
    group: "Team",
    role: "user",
  });
  const hurry = await Promise.all([1, 2, 3, 4].map((n) => register("invite", `hurry_${n}`, { invite: two.token })));
  expect(hurry.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 201, 403, 403]);
  const members = (await asBoss("GET", `/api/groups/${String(group)}/members`)).json() as unknown as unknown[];
  expect(members).toHaveLength(3);

  const expired = await invite({ max_uses: null });
  await sql("update account_invites set expires_at = now() where id = $1", [expired.invitation.id]);
  const revoked = await invite({});
  expect((await asBoss("DELETE", `/api/admin/invites/${revoked.invitation.id}`)).status).toBe(200);
  for (const { token } of [two, expired, revoked, { token: "guessed" }])
    expect((await register("open", "nobody_new", { invite: token })).json()).toMatchObject({ code: "invalid_invite" });
  const { invitations } = (await asBoss("GET", "/api/admin/invites")).json();
  expect(invitations).toEqual([]);
});

test("no token of an invitation is in the database", async () => {
  const { token } = await invite({ note: "x" });
  await sql("do $$ begin if not exists (select from account_invites) then raise 'none'; end if; end $$");
  const config = parseConfig({ DATABASE_URL: url, JWT_SECRET: "x".repeat(32) });
  await using storage = await openStorage(config, unwatched);
  const text = "select t::text as row from account_invites t";
  const rows = await storage.db.query<{ row: string }>({ name: "", text }, []);
  expect(rows.some(({ row }) => row.includes(token))).toBe(false);
  expect(rows.some(({ row }) => row.includes(hashOf(token)))).toBe(true);
});

test("unset, the door is open on this machine alone, and for whom an import has brought, which the log tells; else it needs an invitation", async () => {
  const config = (host: string) => parseConfig({ HOST: host, DATABASE_URL: url, JWT_SECRET: "x".repeat(32) });
  await using storage = await openStorage(config("127.0.0.1"), unwatched);
  const said: string[] = [];
  const log = { warn: (text: string) => void said.push(text) } as unknown as Parameters<typeof openDoor>[2];
  const door = async (host: string) => (await openDoor(config(host), storage.db, log)).registration;
  expect([await door("127.0.0.1"), await door("::1"), await door("localhost")]).toEqual(["open", "open", "open"]);
  expect([await door("0.0.0.0"), await door("10.0.0.7"), said]).toEqual(["invite", "invite", []]);
  await sql("create table import_progress (step text); ");
  await sql("insert into import_progress values ('source'), ('finished')");
  expect([await door("0.0.0.0"), said.length, said[0]]).toEqual([
    "open",
    1,
    expect.stringContaining("REGISTRATION=invite"),
  ]);
});
