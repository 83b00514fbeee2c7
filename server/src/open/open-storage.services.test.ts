import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyTemplate, freePort, sharedDatabase, startPostgres } from "@om/services";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { selfSigned } from "../../tests/fixtures/self-signed.ts";
import { parseConfig } from "../config.ts";
import { openStorage, unwatched } from "./open-storage.ts";

let folder: string;
const unhandled = vi.fn<(error: unknown) => void>();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "om-storage-"));
  copyTemplate(join(folder, "pgdata"));
  unhandled.mockClear();
  process.on("unhandledRejection", unhandled);
});
afterEach(() => {
  process.removeListener("unhandledRejection", unhandled);
  rmSync(folder, { recursive: true, force: true });
});

test("given up while its server starts, it ends the server and nothing else fails", async () => {
  const events = { onOutage: vi.fn(), onEnd: vi.fn() };
  const start = new AbortController();
  const opening = openStorage(parseConfig({ DATA_DIR: folder }), events, { signal: start.signal });
  start.abort(new Error("no more wanted"));
  await expect(opening).rejects.toThrow("no more wanted");
  // What would fail unheard does so in a turn of its own.
  await new Promise((resolve) => setImmediate(resolve));
  expect([unhandled.mock.calls, events.onEnd.mock.calls]).toEqual([[], []]);
});

test.each(["JWT_SECRET", "ALLOWED_ORIGINS"])(
  "D1 %s without a database, and none there yet, is asked about",
  async (name) => {
    const env = { DATA_DIR: join(folder, "new"), [name]: "https://chat.example.org" };
    await expect(openStorage(parseConfig(env), unwatched)).rejects.toThrow(
      new RegExp(`^DATABASE_URL is not set, but ${name} is: .*DATABASE_URL=embedded$`),
    );
    // Where there is one it is the one that is meant.
    await using storage = await openStorage(parseConfig({ ...env, DATA_DIR: folder }), unwatched);
    expect(storage.db.pool().total).toBe(0);
  },
);

test("D2 a start says which setting names a database that does not answer, tries again, and gives up in words", async () => {
  const url = `postgresql://om:hunter2@127.0.0.1:${await freePort()}/om`;
  const told: unknown[] = [];
  const events = { ...unwatched, onOutage: (error: unknown) => void told.push(String(error)) };
  const opening = openStorage(parseConfig({ DATABASE_URL: url }), events, { waitMs: 1_500 });
  await expect(opening).rejects.toThrow(/^DATABASE_URL: the database cannot be used: .*ECONNREFUSED/);
  expect(told[0]).toMatch(/DATABASE_URL: .*ECONNREFUSED.*; it is tried again for a minute$/);
  expect(told.length).toBeGreaterThan(1);
  expect(told.join()).not.toContain("hunter2");
});

test("D2 a wrong password or name is told at once, not tried for a minute", async () => {
  const url = sharedDatabase().replace(/\w+$/, "nowhere");
  const opening = openStorage(parseConfig({ DATABASE_URL: url }), unwatched, { waitMs: 60_000 });
  await expect(opening).rejects.toThrow('DATABASE_URL: the database cannot be used: database "nowhere" does not exist');
});

test("D4 an import that is half done is refused at the start, and says how to go on", async () => {
  const config = parseConfig({ DATABASE_URL: sharedDatabase() });
  {
    await using storage = await openStorage(config, unwatched);
    const text = `create table import_progress (step text primary key, position bigint not null default 0, detail text not null default '');
       insert into import_progress (step) values ('source')`;
    await storage.db.query({ name: "", text: text.split(";")[0] ?? "" }, []);
    await storage.db.query({ name: "", text: text.split(";")[1] ?? "" }, []);
  }
  await expect(openStorage(config, unwatched)).rejects.toThrow(
    /an import .* is not finished: run npm run import .* again/,
  );
});

test("B8 TLS to PostgreSQL is what the word says, in DATABASE_URL and in DB_SSLMODE", async () => {
  const { key, cert } = selfSigned();
  writeFileSync(join(folder, "server.key"), key, { mode: 0o600 });
  writeFileSync(join(folder, "server.crt"), cert);
  await using postgres = await startPostgres([
    "ssl=on",
    ...["key", "cert"].map((part) => `ssl_${part}_file=${folder}/server.${part === "key" ? "key" : "crt"}`),
  ]);
  await using plain = await startPostgres();
  const isTls = async (env: Record<string, string>): Promise<unknown> => {
    const opened = await openStorage(parseConfig(env), unwatched).catch((error: unknown) => String(error));
    if (typeof opened === "string") return opened;
    await using storage = opened;
    const text = "select ssl as tls from pg_stat_ssl where pid = pg_backend_pid()";
    return (await storage.db.query<{ tls: boolean }>({ name: "", text }, []))[0]?.tls;
  };
  for (const [server, mode, wanted] of [
    [postgres, "disable", false],
    [postgres, "prefer", true],
    [postgres, "require", true],
    [postgres, "verify-full", expect.stringMatching(/self.signed/)],
    [plain, "prefer", false],
    [plain, "require", expect.stringContaining("does not support SSL")],
  ] as const) {
    const url = new URL(server.createDatabase());
    const parts = {
      DB_HOST: url.hostname,
      DB_PORT: url.port,
      DB_USER: url.username,
      DB_NAME: url.pathname.slice(1),
      DB_SSLMODE: mode,
    };
    expect([mode, await isTls({ DATABASE_URL: `${url.href}?sslmode=${mode}` })]).toEqual([mode, wanted]);
    expect([mode, await isTls(parts)]).toEqual([mode, wanted]);
  }
  const trusted = `${postgres.createDatabase()}?sslmode=verify-full&sslrootcert=${join(folder, "server.crt")}`;
  expect(await isTls({ DATABASE_URL: trusted })).toBe(true);
});
