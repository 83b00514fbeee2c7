import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startOmServer, startPostgres, startRedis, type OmServer, type PostgresServer } from "@om/services";
import { startBare, type Bare } from "../ceilings/bare.ts";
import { openDatabase, type Database } from "./database.ts";
import { jwtSecret } from "./people.ts";
import { pinServer } from "./pin.ts";

/** What a server has: PostgreSQL and Redis, PostgreSQL alone, or the database that it brings along. */
export type Kind = "redis" | "plain" | "embedded";

/** How much is measured. */
export interface Size {
  runs: number;
  /** Of one run under load. */
  seconds: number;
  /** Smaller crowds and databases. */
  quick: boolean;
  soakMinutes: number;
  /** How many are searched. */
  messages: number;
}

/** A running server, and a way into its database. */
export interface Subject {
  readonly server: OmServer;
  readonly url: string;
  readonly wsUrl: string;
  readonly pid: number;
  readonly db: Database;
  /** Sum of the samples of `/metrics` whose name and labels match. */
  metric(name: RegExp): Promise<number>;
  /** After the server was stopped: starts it on the same database. */
  restart(): Promise<void>;
}

/** Where a scenario finds what it measures; disposed, it ends what it has started, the newest first. */
export interface Stage extends AsyncDisposable {
  readonly size: Size;
  /** These are shared by all scenarios. */
  server(kind: Kind): Promise<Subject>;
  postgres(): Promise<PostgresServer>;
  bare(): Promise<Bare>;
  /** The URL of a database for ceilings. */
  ceilingUrl(): Promise<string>;
  /** A server of the scenario's own. @param env more settings, such as the DATABASE_URL of an empty database */
  ownServer(kind: Kind, env?: Record<string, string>): Promise<Subject>;
  own<T extends AsyncDisposable | Disposable>(resource: T): T;
}

/** @param whole the stage whose servers are shared; default: this one */
export function openStage(size: Size, whole?: Stage): Stage {
  const owned: (AsyncDisposable | Disposable)[] = [];
  const own: Stage["own"] = (resource) => {
    owned.push(resource);
    return resource;
  };
  const stage: Stage = {
    size,
    own,
    server: perKind((kind) => whole?.server(kind) ?? stage.ownServer(kind)),
    postgres: once(async () => (await whole?.postgres()) ?? own(await startPostgres(["fsync=on", "max_wal_size=4GB"]))),
    bare: once(async () => (await whole?.bare()) ?? own(await startBare())),
    ceilingUrl: once(async () => (await whole?.ceilingUrl()) ?? (await stage.postgres()).createDatabase()),
    ownServer: (kind, env) => startServer(stage, kind, env),
    async [Symbol.asyncDispose]() {
      for (const resource of owned.toReversed()) {
        if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
        else resource[Symbol.dispose]();
      }
    },
  };
  return stage;
}

async function startServer(stage: Stage, kind: Kind, env: Record<string, string> = {}): Promise<Subject> {
  const services: Record<string, string> = {};
  const folder = mkdtempSync(join(tmpdir(), "om-bench-"));
  stage.own({ [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) });
  if (kind === "embedded") Object.assign(services, { DATABASE_URL: "embedded", DATA_DIR: folder });
  else if (env["DATABASE_URL"] === undefined) services["DATABASE_URL"] = (await stage.postgres()).createDatabase();
  if (kind === "redis") {
    const redis = stage.own(await startRedis({ maxmemory: "2gb", "maxmemory-policy": "allkeys-lru" }));
    services["REDIS_URL"] = redis.url;
  }
  const settings: Record<string, string> = {
    ...services,
    JWT_SECRET: jwtSecret,
    LOG_LEVEL: "warn",
    MAX_SOCKETS_PER_USER: "0",
    ...env,
  };
  const server = stage.own(await startOmServer(settings));
  const at = kind === "embedded" ? embeddedAt(folder) : { connectionString: settings["DATABASE_URL"] };
  const subject: Subject = {
    server,
    url: server.url,
    wsUrl: server.url.replace("http", "ws"),
    get pid() {
      return server.pid;
    },
    db: stage.own(await openDatabase(at)),
    async metric(name) {
      const text = await (await fetch(`${server.url}/metrics`, { signal: AbortSignal.timeout(10_000) })).text();
      const samples = text.split("\n").filter((line) => name.test(line));
      return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    },
    async restart() {
      await server.start();
      await ready();
    },
  };
  const ready = async (): Promise<void> => {
    pinServer(server.pid);
    if (kind === "redis") await until("the cache is on", async () => (await subject.metric(/^om_cache_mode/)) === 2);
  };
  await ready();
  return subject;
}

/** Where the embedded database of a data folder listens: lines 4 and 5 of its postmaster.pid. */
function embeddedAt(folder: string): { host: string; port: number; user: string; database: string } {
  const [, , , port, socket] = readFileSync(join(folder, "pgdata/postmaster.pid"), "utf8").split("\n");
  return { host: socket ?? "", port: Number(port), user: "postgres", database: "postgres" };
}

/** Asks ten times per second, for 60 s at most. @throws Error that says what did not come true */
export async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await isTrue()) return;
    await delay(100);
  }
  throw new Error(`gave up after 60 s: ${what}`);
}

function once<T>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => (started ??= start());
}

function perKind<T>(start: (kind: Kind) => Promise<T>): (kind: Kind) => Promise<T> {
  const started = new Map<Kind, Promise<T>>();
  return (kind) => {
    const running = started.get(kind) ?? start(kind);
    started.set(kind, running);
    return running;
  };
}
