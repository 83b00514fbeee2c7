import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startTestServer } from "../fixtures/test-server.ts";

const folder = mkdtempSync(join(tmpdir(), "om-restart-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a restart on the same folder keeps accounts, tokens and sessions; EXPOSE_EMAILS then shows e-mails", async () => {
  const env = { DATA_DIR: folder, JWT_SECRET: "" };
  const before = await startTestServer({ env });
  const nika = await before.register("nika");
  const ben = await before.register("ben");
  const hidden = await before.request("GET", `/api/users/${ben.id}`, { token: nika.access });
  expect(hidden.json()["user"]).toMatchObject({ username: "ben", email: "" });
  await before[Symbol.asyncDispose]();

  await using after = await startTestServer({ env: { ...env, EXPOSE_EMAILS: "true" } });
  const shown = await after.request("GET", `/api/users/${ben.id}`, { token: nika.access });
  expect(shown.json()["user"]).toMatchObject({ username: "ben", email: "ben@example.org" });
  expect((await after.request("POST", "/api/auth/refresh", { cookie: nika.cookie })).status).toBe(200);
  const login = { email: "ben@example.org", password: "password of ben" };
  expect((await after.request("POST", "/api/auth/login", { body: login })).status).toBe(200);
  const again = await after.request("POST", "/api/auth/register", {
    body: { ...login, username: "BEN", email: "b@x" },
  });
  expect(again.json()["error"]).toBe("username already exists");
});

test("an account made under PASSWORD_MIN_LENGTH 8 logs in when it is 20, a new one needs 20 characters", async () => {
  const data = join(folder, "short");
  const short = { email: "short@example.org", password: "q7 zebra" };
  const before = await startTestServer({ env: { DATA_DIR: data, PASSWORD_MIN_LENGTH: "8" } });
  const made = await before.request("POST", "/api/auth/register", { body: { ...short, username: "short" } });
  expect(made.status).toBe(201);
  await before[Symbol.asyncDispose]();

  await using after = await startTestServer({ env: { DATA_DIR: data, PASSWORD_MIN_LENGTH: "20" } });
  expect((await after.request("POST", "/api/auth/login", { body: short })).status).toBe(200);
  const next = { username: "next", email: "next@example.org", password: "nineteen characters" };
  const refused = await after.request("POST", "/api/auth/register", { body: next });
  expect([refused.status, refused.json()["code"]]).toEqual([400, "weak_password"]);
  const taken = await after.request("POST", "/api/auth/register", {
    body: { ...next, password: "twenty characters, é" },
  });
  expect(taken.status).toBe(201);
});
