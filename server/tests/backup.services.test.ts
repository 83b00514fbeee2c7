import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyTemplate, program, sharedDatabase, startOmServer, type OmServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jpeg } from "./fixtures/pictures.ts";

const folder = mkdtempSync(join(tmpdir(), "om-backup-"));
const backup = join(folder, "backup");
/** Addresses of pictures begin with it, wherever the server is. */
const address = { PUBLIC_API_BASE_URL: "https://chat.example.org/api" };
let source: OmServer;
let before: Awaited<ReturnType<typeof everything>>;
let token: string;
beforeAll(async () => {
  // Folders that were there before, as a volume or a package makes them, open to all.
  for (const path of ["source", "source/media"]) mkdirSync(join(folder, path), { mode: 0o755 });
  // The key that signs tokens is the one that it makes.
  source = await startOmServer({ ...address, DATA_DIR: join(folder, "source"), DATABASE_URL: "", JWT_SECRET: "" });
  token = await populate(source.url);
  before = await everything(source.url);
});
afterAll(async () => {
  await source[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function call(url: string, method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const isForm = body instanceof FormData;
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(isForm ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}

const account = (name: string) => ({ username: name, email: `${name}@example.org`, password: `password of ${name}` });

/** Two people, their messages, a deleted one, and an avatar. @returns a token of the first */
async function populate(url: string): Promise<string> {
  const { user } = (await call(url, "POST", "/api/auth/register", account("ben"))) as { user: { id: number } };
  const { access_token } = await call(url, "POST", "/api/auth/register", account("ann"));
  token = String(access_token);
  for (const content of ["one", "two, with \t tab, \\ and\nnewline", "سلام"]) {
    await call(url, "POST", "/api/messages", { recipient_id: user.id, content });
  }
  const form = new FormData();
  form.set("avatar", new Blob([new Uint8Array(await jpeg())], { type: "image/jpeg" }), "me.jpg");
  await call(url, "POST", "/api/users/me/avatar", form);
  return token;
}

/** What ann sees, and her picture's bytes. */
async function everything(url: string) {
  const { user } = (await call(url, "GET", "/api/users/me")) as { user: { avatar: string } };
  const path = new URL(user.avatar, url).pathname;
  const picture = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
  const { conversations } = (await call(url, "GET", "/api/conversations")) as {
    conversations: { conversation_id: string }[];
  };
  const [conversation] = conversations;
  const peer = conversation?.conversation_id.replace("user_", "");
  const { messages } = await call(url, "GET", `/api/messages?recipient_id=${peer}`);
  return { path, conversations: conversations.length, messages, picture: Buffer.from(await picture.arrayBuffer()) };
}

async function run(name: "backup" | "restore", env: Record<string, string>) {
  const child = spawn(process.execPath, [...program(`server/src/${name}.ts`), backup], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const [code] = (await once(child, "close")) as [number];
  return { code, said };
}

test("B4 nobody else can read a file of the data folder, though the folder was open before", () => {
  const data = join(folder, "source");
  const paths = readdirSync(data, { recursive: true }).map((path) => join(data, String(path)));
  const open = [data, ...paths].filter((path) => {
    const found = lstatSync(path);
    return !found.isSymbolicLink() && (found.mode & 0o077) !== 0;
  });
  expect(open).toEqual([]);
  expect(paths.some((path) => path.endsWith(".jpg"))).toBe(true);
});

test("D5 a server that runs is backed up by one command, and restored by one, into a data folder or another PostgreSQL", async () => {
  const made = await run("backup", { DATA_DIR: join(folder, "source") });
  expect(made).toMatchObject({ code: 0, said: expect.stringMatching(/^Backed up \d+ rows of \d+ tables/) as unknown });
  for (const file of ["", "manifest.json", "jwt-secret", "tables/users.gz", "media"]) {
    expect(statSync(join(backup, file)).mode & 0o077, file).toBe(0);
  }
  // What comes later is not in it.
  await call(source.url, "POST", "/api/users/me/delete", { password: "password of ann" });

  const target = join(folder, "target");
  copyTemplate(join(target, "pgdata"));
  const restored = await run("restore", { DATA_DIR: target });
  expect(restored).toMatchObject({ code: 0, said: expect.stringContaining("The server may start now") as unknown });
  {
    await using server = await startOmServer({ ...address, DATA_DIR: target, JWT_SECRET: "" });
    expect(await everything(server.url)).toEqual(before);
    // New rows get new numbers.
    await call(server.url, "POST", "/api/auth/register", account("cid"));
  }

  const secret = { JWT_SECRET_FILE: join(backup, "jwt-secret"), JWT_SECRET: "" };
  const external = { DATA_DIR: join(folder, "beside"), DATABASE_URL: sharedDatabase(), ...secret };
  expect((await run("restore", external)).code).toBe(0);
  await using server = await startOmServer({ ...address, ...external });
  expect(await everything(server.url)).toEqual(before);
  const elsewhere = join(folder, "elsewhere");
  expect(await run("restore", { ...external, DATA_DIR: elsewhere })).toMatchObject({
    code: 1,
    said: expect.stringContaining("holds tables already") as unknown,
  });
  expect(existsSync(join(elsewhere, "media"))).toBe(false);
});

test("D5 half a backup is not restored, and a backup is not written over another", async () => {
  expect(await run("backup", { DATA_DIR: join(folder, "source") })).toMatchObject({
    code: 1,
    said: expect.stringMatching(/^Not backed up: .* holds something already/) as unknown,
  });
  const manifest = readFileSync(join(backup, "manifest.json"), "utf8");
  rmSync(join(backup, "manifest.json"));
  const target = join(folder, "half");
  copyTemplate(join(target, "pgdata"));
  expect(await run("restore", { DATA_DIR: target })).toMatchObject({
    code: 1,
    said: expect.stringContaining("half of one") as unknown,
  });
  writeFileSync(join(backup, "manifest.json"), manifest.replace(/"rows": \d+/, '"rows": 99999'));
  const cut = await run("restore", { DATA_DIR: target });
  expect(cut).toMatchObject({ code: 1, said: expect.stringMatching(/rows, not 99999/) as unknown });
  expect(existsSync(join(target, "jwt-secret"))).toBe(false);
});
