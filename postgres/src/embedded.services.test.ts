import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { startCluster } from "./cluster.ts";
import { startEmbedded, type Embedded, type EmbeddedOptions } from "./embedded.ts";
import { lockFile } from "./file-lock.ts";
import { EmbeddedRefused, npmPrograms } from "./programs.ts";

/** A folder with an empty database, or an empty folder; gone when disposed. */
function newFolder(what: "database" | "empty" = "database"): Disposable & { folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "om-embedded-"));
  // Made once for all tests, by the set-up.
  if (what === "database")
    execFileSync("cp", ["-R", process.env["OM_POSTGRES_TEMPLATE"] ?? "", join(folder, "pgdata")]);
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

const quiet: EmbeddedOptions = { connections: 4, onOutage: () => undefined, onEnd: () => undefined };

async function rows(embedded: Embedded, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(embedded.connection);
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

const postmaster = (folder: string): number =>
  Number.parseInt(readFileSync(join(folder, "pgdata/postmaster.pid"), "utf8"), 10);

describe.concurrent("the embedded database", () => {
  test("what was committed is there after a clean stop; a second start on the folder is refused meanwhile", async () => {
    using at = newFolder();
    const { folder } = at;
    {
      await using first = await startEmbedded(folder, quiet);
      await rows(first, "create table kept as select 1 as n");
      await expect(startEmbedded(folder, quiet)).rejects.toThrow(`${folder} is in use by another server`);
    }
    await using second = await startEmbedded(folder, quiet);
    expect(await rows(second, "select n from kept")).toEqual([{ n: 1 }]);
    expect(
      await rows(
        second,
        "select name from pg_settings where name in ('fsync', 'full_page_writes') and setting = 'off'",
      ),
    ).toEqual([]);
  });

  test("no file of a folder that was open to others stays open, and nobody else can reach the socket", async () => {
    using at = newFolder("empty");
    const { folder } = at;
    chmodSync(folder, 0o755);
    await using embedded = await startEmbedded(folder, quiet);
    expect(embedded.connection.host).toBe(join(folder, "run"));
    const open = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      (name) => !name.startsWith("run/lib/") && (statSync(join(folder, name)).mode & 0o077) !== 0,
    );
    expect([open, statSync(folder).mode & 0o777]).toEqual([[], 0o700]);
  });

  test("a folder that is open to others and used for something else is refused and left as it is", async () => {
    using at = newFolder("empty");
    const { folder } = at;
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, "letters.txt"), "");
    await expect(startEmbedded(folder, quiet)).rejects.toThrow(
      /is open to others and holds other things \(letters\.txt\)/,
    );
    expect([readdirSync(folder), statSync(folder).mode & 0o777]).toEqual([["letters.txt"], 0o755]);
  });

  test("a path that is too long for a socket has its socket elsewhere", async () => {
    using at = newFolder("empty");
    const { folder } = at;
    const long = join(folder, "x".repeat(90));
    await using embedded = await startEmbedded(long, quiet);
    expect(embedded.connection.host.startsWith(long)).toBe(false);
    expect(statSync(embedded.connection.host).mode & 0o077).toBe(0);
    expect(await rows(embedded, "select 1 as n")).toEqual([{ n: 1 }]);
  });

  test("what a start left half made is made anew", async () => {
    using at = newFolder("empty");
    const { folder } = at;
    mkdirSync(join(folder, "pgdata.new/base"), { recursive: true });
    mkdirSync(join(folder, "pgdata"));
    await using embedded = await startEmbedded(folder, quiet);
    expect(await rows(embedded, "select 1 as n")).toEqual([{ n: 1 }]);
    expect(existsSync(join(folder, "pgdata.new"))).toBe(false);
  });

  test("PostgreSQL that is killed is started again with everything committed", async () => {
    using at = newFolder();
    const { folder } = at;
    const outages: string[] = [];
    await using embedded = await startEmbedded(folder, { ...quiet, onOutage: ({ message }) => outages.push(message) });
    await rows(embedded, "create table kept as select 1 as n");
    const before = postmaster(folder);
    process.kill(before, "SIGKILL");
    await expect
      .poll(() => rows(embedded, "select n from kept").catch(() => []), { timeout: 20_000 })
      .toEqual([{ n: 1 }]);
    expect(postmaster(folder)).not.toBe(before);
    expect(outages).toEqual([expect.stringContaining("the embedded database has ended and is started again")]);
  });

  test("of two starts at the same time one is refused", async () => {
    using at = newFolder();
    const { folder } = at;
    const starts = await Promise.allSettled([startEmbedded(folder, quiet), startEmbedded(folder, quiet)]);
    for (const start of starts) if (start.status === "fulfilled") await start.value[Symbol.asyncDispose]();
    expect(starts.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  test.sequential("what a server that is gone has left running is stopped first, also when it is still starting", async () => {
    using at = newFolder();
    const { folder } = at;
    const left = lockFile(join(folder, "postgres.lock"));
    const data = join(folder, "pgdata");
    // A number that means another process by now: our own.
    writeFileSync(join(data, "postmaster.pid"), `${process.pid}\n`);
    const next = startEmbedded(folder, quiet);
    rmSync(join(data, "postmaster.pid"));
    const settings = ["listen_addresses=", `unix_socket_directories=${folder}`];
    const old = startCluster(npmPrograms(join(folder, "lib")), { data, settings, lock: left }).then(
      ({ ended }) => ended,
      (error: Error) => error.message,
    );
    closeSync(left ?? 0);
    await using embedded = await next;
    expect(await old).toContain("database system is shut down");
    expect(await rows(embedded, "select 1 as n")).toEqual([{ n: 1 }]);
  });

  test("a PostgreSQL that somebody has started by hand on the files is refused, and goes on", async () => {
    using at = newFolder();
    const { folder } = at;
    const programs = npmPrograms(join(folder, "lib"));
    const settings = ["listen_addresses=", `unix_socket_directories=${folder}`];
    const other = await startCluster(programs, { data: join(folder, "pgdata"), settings });
    await expect(startEmbedded(folder, quiet)).rejects.toThrow(`by hand (process ${other.pid}): stop it`);
    expect(postmaster(folder)).toBe(other.pid);
    other.signal("SIGINT");
    await other.ended;
  });

  test("a stop ends a restart that is under way", async () => {
    using at = newFolder();
    const { folder } = at;
    let outage: () => void = () => undefined;
    const broken = new Promise<void>((resolve) => (outage = resolve));
    const embedded = await startEmbedded(folder, { ...quiet, onOutage: () => outage() });
    process.kill(postmaster(folder), "SIGKILL");
    await broken;
    await embedded[Symbol.asyncDispose]();
    expect(existsSync(join(folder, "run"))).toBe(false);
    await (await startEmbedded(folder, quiet))[Symbol.asyncDispose]();
  });

  test("a start that is given up leaves nothing behind", async () => {
    using at = newFolder();
    const { folder } = at;
    const options = { ...quiet, signal: AbortSignal.abort() };
    await expect(startEmbedded(folder, options)).rejects.toBeInstanceOf(EmbeddedRefused);
    expect(existsSync(join(folder, "run"))).toBe(false);
    await (await startEmbedded(folder, quiet))[Symbol.asyncDispose]();
  });

  test("without Unix sockets a password is asked for, on loopback; half of one from a start that was killed is made anew", async () => {
    using at = newFolder("empty");
    const { folder } = at;
    writeFileSync(join(folder, "postgres-password"), "", { mode: 0o600 });
    const options = { ...quiet, unixSockets: false };
    await (await startEmbedded(folder, options))[Symbol.asyncDispose]();
    await using embedded = await startEmbedded(folder, options);
    const { connection } = embedded;
    expect([connection.host, connection.password?.length]).toEqual(["127.0.0.1", 43]);
    expect(statSync(join(folder, "postgres-password")).mode & 0o777).toBe(0o600);
    expect(await rows(embedded, "select 1 as n")).toEqual([{ n: 1 }]);
    const wrong = { connection: { ...connection, password: "wrong" } } as Embedded;
    await expect(rows(wrong, "select 1")).rejects.toThrow("password authentication failed");
  });

  test("PostgreSQL and its processes see nothing of the server's environment", async () => {
    using at = newFolder();
    const { folder } = at;
    process.env["OM_SECRET_OF_TEST"] = "secret";
    await using embedded = await startEmbedded(folder, quiet);
    delete process.env["OM_SECRET_OF_TEST"];
    expect(
      await rows(
        embedded,
        "select encode(pg_read_binary_file('/proc/self/environ'), 'escape') like '%OM_SECRET%' as seen",
      ),
    ).toEqual([{ seen: false }]);
  });

  test("one that does not come up again is given up with the reason, and what is left stops", async () => {
    using at = newFolder();
    const { folder } = at;
    let end: (error: Error) => void = () => undefined;
    const ended = new Promise<Error>((resolve) => (end = resolve));
    await using embedded = await startEmbedded(folder, { ...quiet, onEnd: end });
    expect(embedded.connection.port).toBe(5432);
    writeFileSync(join(folder, "pgdata/global/pg_control"), "");
    process.kill(postmaster(folder), "SIGKILL");
    expect((await ended).message).toMatch(/^the embedded database does not stay up \(.*pg_control/);
  }, 60_000);

  test.each<[string, (folder: string) => void, RegExp]>([
    [
      "of another version",
      (folder) => writeFileSync(join(folder, "pgdata/PG_VERSION"), "16\n"),
      /is of PostgreSQL 16, this build has 18: dump it/,
    ],
    [
      "of something else",
      (folder) => rmSync(join(folder, "pgdata/PG_VERSION")),
      /holds something else than a PostgreSQL database/,
    ],
    [
      "of another kind of machine",
      (folder) => {
        const file = join(folder, "pgdata/global/pg_control");
        const control = readFileSync(file);
        control.fill(1, 0, 60);
        writeFileSync(file, control);
      },
      /made on another kind of machine or by the embedded database of earlier builds/,
    ],
  ])("files %s are refused in one line and left as they are", async (_, change, said) => {
    using at = newFolder();
    const { folder } = at;
    await (await startEmbedded(folder, quiet))[Symbol.asyncDispose]();
    change(folder);
    const before = readdirSync(folder, { recursive: true }).length;
    const refused = await startEmbedded(folder, quiet).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(EmbeddedRefused);
    expect((refused as Error).message).toMatch(said);
    expect((refused as Error).message).not.toContain("\n");
    expect(readdirSync(folder, { recursive: true })).toHaveLength(before);
  });
});
