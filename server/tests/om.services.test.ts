import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyTemplate, program, startOmServer, type OmServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestSocket } from "./fixtures/chat-server.ts";
import { startServerPair, type ServerPair } from "./fixtures/server-pair.ts";
import { serverSecret } from "./fixtures/test-server.ts";

const folder = mkdtempSync(join(tmpdir(), "om-om-"));
/** The embedded database, with its server running: the harder case. */
const data = join(folder, "data");
let server: OmServer;
let pair: ServerPair;
beforeAll(async () => {
  copyTemplate(join(data, "pgdata"));
  [server, pair] = await Promise.all([
    startOmServer({ DATA_DIR: data, DATABASE_URL: "", HOST: "127.0.0.1" }),
    startServerPair(),
  ]);
}, 60_000);
afterAll(async () => {
  await Promise.all([server[Symbol.asyncDispose](), pair[Symbol.asyncDispose]()]);
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  code: number;
  out: string;
  err: string;
}

/** As an operator types it. */
async function run(env: Record<string, string>, ...args: string[]): Promise<Ran> {
  const all = [...program("server/src/om.ts"), ...args];
  const child = spawn(process.execPath, all, { cwd: folder, env: { ...process.env, ...env } });
  const printed = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (printed.out += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (printed.err += chunk));
  const [code] = (await once(child, "close")) as [number];
  return { code, ...printed };
}
const om = (...args: string[]) =>
  run({ DATA_DIR: data, DATABASE_URL: "", PUBLIC_JOIN_BASE_URL: "https://x.example" }, ...args);

async function call(path: string, body: object): Promise<{ status: number; json: Record<string, unknown> }> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}
const login = (password: string) => call("/api/auth/login", { email: "ada@example.org", password });

async function socketOf(url: string, token: string) {
  const { socket, caughtUp } = await openTestSocket(`${url.replace("http", "ws")}/ws?token=${token}&gzip=1`, []);
  await caughtUp;
  return socket;
}

test("what is not understood is one line and 2, what is refused one line and 1; every command has its help", async () => {
  const [none, wrong, few, unknown, all, one] = await Promise.all([
    om("nonsense"),
    om("user", "list", "--colour", "red"),
    om("user", "show"),
    om("user", "show", "nobody"),
    om("--help"),
    om("user", "delete", "--help"),
  ]);
  for (const { code, out, err } of [none, wrong, few]) expect([code, out, err.split("\n").length]).toEqual([2, "", 3]);
  expect(unknown).toEqual({ code: 1, out: "", err: "Nobody is called nobody\n" });
  const needed =
    "start chat import backup restore settings user.list user.add user.show user.disable user.enable user.delete user.reset-password " +
    "user.make-admin user.sign-out invite.create invite.list invite.revoke audit.list audit.verify history.verify";
  for (const name of needed.split(" ")) expect(all.out).toContain(`om ${name.replace(".", " ")} `);
  expect([one.code, one.out]).toEqual([0, expect.stringContaining("--yes")]);
  expect((await om("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("beside a running server with the embedded database: add somebody, who chooses a password by the link, once", async () => {
  expect(server.output()).toContain("Nobody is administrator yet");
  const added = await om("user", "add", "ada", "--email", "ada@example.org", "--role", "administrator", "--json");
  expect(added).toMatchObject({ code: 0, err: "" });
  const { token, url, account } = JSON.parse(added.out) as { token: string; url: string; account: { role: string } };
  expect([url, account.role]).toEqual([`https://x.example/reset/${token}`, "administrator"]);
  const reset = { token, new_password: "chosen by ada herself" };
  expect((await call("/api/auth/reset-password", { ...reset, new_password: "ada" })).json).toMatchObject({
    code: "weak_password",
  });
  const twice = await Promise.all([call("/api/auth/reset-password", reset), call("/api/auth/reset-password", reset)]);
  expect(twice.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400]);
  expect((await call("/api/auth/reset-password", reset)).json).toMatchObject({ code: "invalid_link" });
  expect((await login("chosen by ada herself")).status).toBe(200);
  expect((await om("user", "list")).out.split("\n")).toEqual([
    expect.stringMatching(/^id +username +email +role +state +sessions +last_seen$/),
    expect.stringMatching(/^\d+ +ada +ada@example\.org +administrator +open +1 +–$/),
    "",
  ]);
});

test("a name that is another's id is nobody's, until it is said by the e-mail address", async () => {
  const { id } = JSON.parse((await om("user", "show", "ada", "--json")).out) as { id: number };
  const username = String(id).padStart(3, "0");
  const email = "number@example.org";
  expect((await call("/api/auth/register", { username, email, password: "a long password" })).status).toBe(201);
  expect(await om("user", "disable", username)).toEqual({
    code: 1,
    out: "",
    err: `${username} is the id of one and the name of another: say the e-mail address\n`,
  });
  expect(await om("user", "disable", email)).toMatchObject({ code: 0, err: "" });
});

test("who is needed stays, with the reason in one line", async () => {
  for (const args of [["disable"], ["delete", "--yes"], ["set-role", "user"]] as const) {
    const [command, ...more] = args;
    expect(await om("user", command, "ada", ...more)).toEqual({
      code: 1,
      out: "",
      err: "There must be another administrator first\n",
    });
  }
});

test("a new password by a link ends all sessions; sign-out and disable close the sockets of the running server", async () => {
  await om("user", "add", "ben", "--email", "ben@example.org", "--role", "administrator");
  const access = async (password: string): Promise<string> => String((await login(password)).json["access_token"]);
  const first = await socketOf(server.url, await access("chosen by ada herself"));
  const link = JSON.parse((await om("user", "reset-password", "ada@example.org", "--json")).out) as { token: string };
  await call("/api/auth/reset-password", { token: link.token, new_password: "the second one of ada" });
  expect((await first.closed).code).toBe(4500);
  const second = await socketOf(server.url, await access("the second one of ada"));
  expect(await om("user", "sign-out", "ada")).toMatchObject({ code: 0, out: "ada is logged out everywhere\n" });
  expect((await second.closed).code).toBe(4500);
  const token = await access("the second one of ada");
  const third = await socketOf(server.url, token);
  expect((await om("user", "disable", "ada")).code).toBe(0);
  expect((await third.closed).code).toBe(4500);
  const me = await fetch(`${server.url}/api/users/me`, { headers: { authorization: `Bearer ${token}` } });
  expect([me.status, (await login("the second one of ada")).json["code"]]).toEqual([401, "account_disabled"]);
  expect((await om("user", "reset-password", "ada")).code).toBe(1);
  await om("user", "enable", "ada");
  expect((await login("the second one of ada")).status).toBe(200);
});

test("an invitation is shown once, listed, and revoked", async () => {
  const made = await om("invite", "create", "--expires", "30m", "--uses", "any", "--note", "friends");
  expect(made.out).toMatch(
    /^Invitation \d+, shown this once\n {2}link {3}https:\/\/x\.example\/join\/(\S{43})\n {2}token {2}\S{43}\n$/,
  );
  expect((await om("invite", "create", "--expires", "soon")).code).toBe(2);
  const [one] = JSON.parse((await om("invite", "list", "--json")).out) as { id: number; note: string }[];
  expect(one).toMatchObject({ note: "friends", max_uses: null, used_count: 0 });
  expect((await om("invite", "revoke", String(one?.id))).code).toBe(0);
  expect((await om("invite", "list")).out).toBe("none\n");
  expect((await om("invite", "revoke", String(one?.id))).code).toBe(1);
});

test("what was done by om and by links stands in the audit log; om reads it and the history again, and says by its exit code what it found", async () => {
  const [listed, cut, history] = await Promise.all([
    om("audit", "list", "--who", "ada", "--json"),
    om("audit", "verify", "--head", `900:${"0".repeat(64)}`),
    om("history", "verify"),
  ]);
  const acts = JSON.parse(listed.out) as { act: string; origin: string }[];
  expect(acts.map(({ act }) => act).toReversed()).toEqual([
    "add_account",
    "make_reset_link",
    "reset_password",
    "make_reset_link",
    "reset_password",
    "sign_out_account",
    "set_account_state",
    "set_account_state",
  ]);
  expect(acts[0]?.origin).toMatch(/^om of /);
  expect(cut.code).toBe(1);
  expect(cut.out).toMatch(/^act \d+ to 900 were sealed and are missing\nWRONG: /);
  expect(history.code).toBe(0);
  expect(history.out).toMatch(/^Nothing is wrong: 0 messages compared/);
});

test("settings tells what is in force, and no secret", async () => {
  const env = { REGISTRATION: "closed", JWT_SECRET: serverSecret, DATABASE_URL: "postgresql://u:hidden@x/y" };
  const { out } = await run(env, "settings");
  expect(out).toMatch(/^REGISTRATION +closed$/m);
  expect(out).toMatch(/^JWT_SECRET +set, not shown$/m);
  expect(out).not.toContain("hidden");
  const { code, err } = await run({ REGISTRATION: "ajar" }, "settings");
  expect([code, err]).toEqual([1, expect.stringContaining("REGISTRATION")]);
});

test("two nodes, of which one has no Redis: whoever is shut out by one, or by om, is thrown out by both", async () => {
  const boss = await pair.administrator();
  const login = async (name: string) => {
    const body = { email: `${name}@example.org`, password: `password of ${name}` };
    return String((await pair.live.request("POST", "/api/auth/login", { body })).json()["access_token"]);
  };
  const [ada, ben] = await pair.people("ada_1", "ben_1");
  if (ada === undefined || ben === undefined) throw new Error("nobody there");
  const socketsOf = async (name: string) => {
    const token = await login(name);
    return Promise.all([socketOf(pair.live.url, token), socketOf(pair.plain.url, token)]);
  };
  const [ofAda, ofBen] = [await socketsOf("ada_1"), await socketsOf("ben_1")];
  await pair.ask(boss, "PUT", `/api/admin/users/${ada.id}/state`, { state: "disabled" });
  for (const socket of ofAda) expect((await socket.closed).code).toBe(4500);
  // A token of the first server names no session: the account itself is asked about.
  for (const node of [pair.live, pair.plain])
    expect((await node.request("GET", "/api/users/me", { token: ada.token })).status).toBe(401);
  // By hand, as an operator may have to.
  pair.sql(`update users set state = 'disabled' where id = ${ben.id}`);
  for (const socket of ofBen) expect((await socket.closed).code).toBe(4500);
});

test("roles: a moderator looks after users alone, a user after nobody, and nobody without an administrator's word after anything", async () => {
  const boss = await pair.administrator();
  const [mod, user, other] = await pair.people("mod_1", "user_1", "other_1");
  if (mod === undefined || user === undefined || other === undefined) throw new Error("nobody there");
  const ask = async (who: { token: string }, method: string, path: string, body?: object) => {
    const answer = await pair.plain.request(method, path, { token: who.token, ...(body && { body }) });
    return answer.status === 200 || answer.status === 201 ? "done" : answer.json()["code"];
  };
  const admin = (id: number, what = "") => `/api/admin/users/${id}${what}`;
  const state = (who: { token: string }, id: number) => ask(who, "PUT", admin(id, "/state"), { state: "disabled" });
  await pair.ask(boss, "PUT", admin(mod.id, "/role"), { role: "moderator" });
  expect(await ask(user, "GET", "/api/admin/users")).toBe("not_allowed");
  expect(await ask(user, "PUT", admin(user.id, "/role"), { role: "administrator" })).toBe("not_allowed");
  expect([await state(mod, boss.id), await state(mod, mod.id), await state(mod, other.id)]).toEqual([
    "not_allowed",
    "not_allowed",
    "done",
  ]);
  for (const [method, path, body] of [
    ["PUT", admin(mod.id, "/role"), { role: "administrator" }],
    ["POST", admin(user.id, "/reset-link"), {}],
    ["DELETE", admin(user.id), undefined],
    ["POST", "/api/admin/invites", {}],
    ["GET", "/api/admin/invites", undefined],
  ] as const)
    expect([path, await ask(mod, method, path, body)]).toEqual([path, "not_allowed"]);
  const { accounts } = await pair.ask(mod, "GET", "/api/admin/users?q=user_1");
  expect(accounts).toMatchObject([{ id: user.id, username: "user_1", email: "", role: "user", state: "open" }]);
  expect([await state(boss, boss.id), await ask(boss, "DELETE", admin(boss.id))]).toEqual([
    "last_administrator",
    "last_administrator",
  ]);
  // Two administrators who demote each other at the same moment: one stays.
  await pair.ask(boss, "PUT", admin(user.id, "/role"), { role: "administrator" });
  const demoted = await Promise.all([
    ask(boss, "PUT", admin(user.id, "/role"), { role: "user" }),
    ask(user, "PUT", admin(boss.id, "/role"), { role: "user" }),
  ]);
  expect(demoted.filter((one) => one === "done")).toHaveLength(1);
  // What one node decides the other enforces at the next call: of a role no node keeps anything.
  expect(await ask(mod, "POST", admin(other.id, "/sign-out"))).toBe("done");
  pair.sql(`update users set role = 'user' where id = ${mod.id}`);
  expect(await ask(mod, "POST", admin(other.id, "/sign-out"))).toBe("not_allowed");
});
