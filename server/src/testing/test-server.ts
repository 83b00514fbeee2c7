import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyTemplate, startPostgres, type PostgresServer } from "@om/services";
import { startApp } from "../app.ts";
import { parseConfig } from "../config.ts";
import { openStorage, type StorageEvents } from "../open-storage.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/postgres/database.ts";
import { call, checked, type Answer } from "./http-server.ts";

/** Signs the tokens of every test server. */
export const serverSecret = "a secret of the tests, long enough";

export interface RequestOptions {
  /** Goes as bearer. */
  token?: string;
  /** Text and bytes go as they are, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  cookie?: string;
}

export interface Registered {
  id: number;
  access: string;
  refresh: string;
  csrf: string;
  /** The three cookies as a browser sends them back. */
  cookie: string;
}

/** The whole server in this process, on a free port of loopback. */
export interface TestServer extends AsyncDisposable {
  url: string;
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** A new account `<name>` with the e-mail `<name>@example.org` and the password `password of <name>`. */
  register(name: string): Promise<Registered>;
  /** Only with `database: "postgres"`. */
  postgres: PostgresServer | undefined;
}

export interface TestServerOptions {
  /** Settings as environment variables; limits are off unless given. */
  env?: Record<string, string>;
  now?: Clock;
  /** Default: the embedded database. */
  database?: "postgres";
  /** What is done to the database before the server starts. */
  prepare?: (db: Database) => Promise<void>;
}

const calm = { LOG_LEVEL: "silent", AUTH_LIMIT: "0", NAMES_LIMIT: "0", LOGIN_LIMIT: "0", FRAME_RATE: "0" };

const quiet: StorageEvents = { onOutage: () => undefined, onEnd: () => undefined };

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), "om-test-server-"));
  let postgres: PostgresServer | undefined;
  const clean = async (): Promise<void> => {
    await postgres?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    if (options.database === "postgres") postgres = await startPostgres();
    else copyTemplate(join(folder, "data/pgdata"));
    const env: Record<string, string> = {
      ...calm,
      HOST: "127.0.0.1",
      PORT: "0",
      DATA_DIR: join(folder, "data"),
      JWT_SECRET: serverSecret,
      ...(postgres === undefined ? {} : { DATABASE_URL: postgres.createDatabase() }),
      ...options.env,
    };
    if (options.prepare !== undefined) {
      await using storage = await openStorage(parseConfig(env), quiet);
      await options.prepare(storage.db);
    }
    const app = await startApp(parseConfig(env), options.now === undefined ? {} : { now: options.now });
    const request = requester(Number(new URL(app.url).port));
    return {
      url: app.url,
      request,
      register: (name) => register(request, name),
      postgres,
      async [Symbol.asyncDispose]() {
        await app[Symbol.asyncDispose]();
        await clean();
      },
    };
  } catch (error) {
    await clean();
    throw error;
  }
}

function requester(port: number): TestServer["request"] {
  return checked((method, path, { token, body, headers, cookie }: RequestOptions = {}) =>
    call(port, method, path, {
      body,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(cookie === undefined ? {} : { cookie }),
        ...headers,
      },
    }),
  );
}

async function register(request: TestServer["request"], name: string): Promise<Registered> {
  const body = { username: name, email: `${name}@example.org`, password: `password of ${name}` };
  const answer = await request("POST", "/api/auth/register", { body });
  if (answer.status !== 201) throw new Error(`${name} was not registered: ${answer.status} ${answer.text}`);
  const { user } = answer.json() as { user: { id: number } };
  const pairs = answer.cookies.map((cookie) => cookie.split(";", 1)[0] ?? "");
  const [access = "", refresh = "", csrf = ""] = pairs.map((pair) => pair.slice(pair.indexOf("=") + 1));
  return { id: user.id, access, refresh, csrf, cookie: pairs.join("; ") };
}
