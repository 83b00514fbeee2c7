import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program, startPostgres } from "@om/services";
import { afterAll, expect, test } from "vitest";
import { startTestServer } from "./fixtures/test-server.ts";

const folder = mkdtempSync(join(tmpdir(), "om-publish-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command as its npm script does, in an empty folder. */
async function run(
  env: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const all = [...program("server/src/publish-version.ts"), ...args];
  const child = spawn(process.execPath, all, { cwd: folder, env: { ...process.env, ...env } });
  const printed = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (printed.out += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (printed.err += chunk));
  const [code] = (await once(child, "close")) as [number];
  return { code, ...printed };
}

const version = (build: string) =>
  `--platform android --version 1.2.0 --build ${build} --url https://x.example/a.apk --force --min-build 3`.split(" ");

test("on PostgreSQL, beside a server: publish, list, and one line for what cannot be", async () => {
  await using postgres = await startPostgres();
  const env = { DATABASE_URL: postgres.createDatabase() };
  await using beside = await startTestServer({ env });
  expect(await run(env, "--list")).toEqual({ code: 0, out: "Nothing is published yet\n", err: "" });
  expect(await run(env, ...version("12"), "--changelog", "More stars")).toEqual({
    code: 0,
    out: "Published android 1.2.0 (build 12) in PostgreSQL\n",
    err: "",
  });
  const check = await beside.request("GET", "/api/version/check?build=2");
  expect(check.json()).toMatchObject({
    needs_update: true,
    force_update: true,
    latest_version: { build_number: 12, changelog: "More stars", min_supported_build: 3, version: "1.2.0" },
  });
  expect(await run(env, ...version("12"))).toEqual({
    code: 1,
    out: "",
    err: "Cannot publish: android has build 12 already; a new version needs a higher build number\n",
  });
  expect((await run(env, ...version("13"))).code).toBe(0);
  const { out } = await run(env, "--list");
  expect(out.split("\n")).toEqual([
    expect.stringMatching(
      /^android 1\.2\.0 \(build 13\) \S+Z active, force, min build 3 https:\/\/x\.example\/a\.apk$/,
    ),
    expect.stringMatching(
      /^android 1\.2\.0 \(build 12\) \S+Z inactive, force, min build 3 https:\/\/x\.example\/a\.apk$/,
    ),
    "",
  ]);
});

test("on the embedded database: before a server runs, but not while it has the folder", async () => {
  const env = { DATA_DIR: join(folder, "data"), DATABASE_URL: "", DB_HOST: "" };
  expect(await run(env, ...version("12"))).toEqual({
    code: 0,
    out: "Published android 1.2.0 (build 12) in the embedded database\n",
    err: "",
  });
  await using server = await startTestServer({ env });
  expect((await server.request("GET", "/api/version")).json()).toMatchObject({ build_number: 12 });
  const locked = await run(env, ...version("13"));
  expect([locked.code, locked.out]).toEqual([1, ""]);
  expect(locked.err).toMatch(/^Cannot publish: \S+ is in use by another server\n$/);
}, 120_000);

test("no database: one line that says so", async () => {
  const answer = await run({ DATABASE_URL: "postgresql://om:secret@127.0.0.1:1/om" }, "--list");
  expect(answer).toEqual({
    code: 1,
    out: "",
    err: "Cannot publish: DATABASE_URL: the database cannot be used: connect ECONNREFUSED 127.0.0.1:1\n",
  });
});

test("help without arguments", async () => {
  const { code, out } = await run({});
  expect([code, out.startsWith("npm run publish-version -- --platform")]).toEqual([0, true]);
});
