import { startPostgres, startRedis, type RedisServer } from "@om/services";
import { vi } from "vitest";
import { createAccessTokens } from "../accounts/access-token.ts";
import { createDisposals, type Disposals } from "../platform/disposals.ts";
import { withoutPresence } from "./cache-nodes.ts";
import { serverSecret, startTestServer, type TestServer } from "./test-server.ts";

/** Somebody as requests name them. */
export interface Person {
  id: number;
  name: string;
  token: string;
}

/** A server with a Redis, and one on the same database that knows of none, so that it tells what the database says. */
export interface LivePair extends AsyncDisposable {
  live: TestServer;
  plain: TestServer;
  redis: RedisServer;
  /** New accounts; their tokens belong to no session, and so outlive all. */
  people(...names: string[]): Promise<Person[]>;
  /** A JSON request to the server with Redis. @throws when it does not succeed */
  ask(who: Person, method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** One SQL text, for looking behind the curtain; what psql prints. */
  sql(text: string): string;
  /** How often something was counted by the server with Redis, such as `om_cache_reads_total` with `result="hit"`. */
  metric(name: string, label?: string): Promise<number>;
}

/** Resolves when the server reads through its Redis. */
export async function startLivePair(env: Record<string, string> = {}): Promise<LivePair> {
  const disposals = createDisposals(() => undefined);
  try {
    return await startParts(disposals, env);
  } catch (error) {
    await disposals[Symbol.asyncDispose]().catch(() => undefined);
    throw error;
  }
}

async function startParts(disposals: Disposals, env: Record<string, string>): Promise<LivePair> {
  const postgres = disposals.owned(await startPostgres());
  const redis = disposals.owned(await startRedis());
  const url = postgres.createDatabase();
  const all = { AVATAR_LIMIT: "0", ATTACHMENT_LIMIT: "0", DATABASE_URL: url, ...env };
  const live = disposals.owned(await startTestServer({ env: { ...all, REDIS_URL: redis.url } }));
  const plain = disposals.owned(await startTestServer({ env: all }));
  const tokens = createAccessTokens(serverSecret, Date.now);
  const metric: LivePair["metric"] = async (name, label = "") => {
    const { text } = await live.request("GET", "/metrics");
    const lines = text.split("\n").filter((line) => line.startsWith(name) && line.includes(label));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  };
  await vi.waitFor(async () => expectOn(await metric("om_cache_mode")), { timeout: 20_000, interval: 50 });
  return {
    live,
    plain,
    redis,
    metric,
    sql: (text) => postgres.sql(url, text),
    people: (...names) =>
      Promise.all(
        names.map(async (name) => {
          const { id } = await live.register(name);
          return { id, name, token: await tokens.issue({ userId: id, email: `${name}@example.org`, role: "user" }) };
        }),
      ),
    async ask({ token }, method, path, body) {
      const answer = await live.request(method, path, body === undefined ? { token } : { token, body });
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return answer.json();
    },
    [Symbol.asyncDispose]: disposals[Symbol.asyncDispose],
  };
}

function expectOn(mode: number): void {
  if (mode !== 2) throw new Error("the cache is not on");
}

/** Everything that goes through the cache as `who` is told it by one of the servers: by path, without who is online. */
export async function readsOf(
  server: TestServer,
  who: Person,
  about: { people: readonly Person[]; groups: readonly number[] },
): Promise<Record<string, string>> {
  const names = [...about.people.map(({ id }) => `user_${id}`), ...about.groups.map((id) => `group_${id}`)];
  const paths = [
    "/api/conversations",
    "/api/conversations?limit=2",
    ...names.map((name) => `/api/conversations/${name}/unread`),
    ...about.people.map(({ id }) => `/api/messages?recipient_id=${id}`),
    ...about.groups.map((id) => `/api/groups/${id}/messages`),
  ];
  const reads = paths.map(async (path) => {
    const answer = await server.request("GET", path, { token: who.token });
    return [path, answer.status === 200 ? withoutPresence(answer.json()) : String(answer.status)] as const;
  });
  return Object.fromEntries(await Promise.all(reads));
}
