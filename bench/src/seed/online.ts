import type { Redis } from "ioredis";
import pg from "pg";
import { timed, type Latency } from "./probe.ts";

/** Whether somebody is online and how many are, asked of PostgreSQL as the first server did and of the sets in Redis. */
export async function onlineLookups(
  databaseUrl: string,
  redis: Redis,
  users: number,
): Promise<{ what: string; taken: Latency }[]> {
  const client = new pg.Client({ connectionString: databaseUrl, query_timeout: 10_000 });
  await client.connect();
  try {
    await client.query(
      "create table first_server_users (id bigint primary key, is_online boolean, last_seen timestamptz)",
    );
    await client.query(
      "insert into first_server_users select i, i % 10 = 0, now() from generate_series(1::bigint, $1 * 10) i",
      [users],
    );
    await client.query("analyze first_server_users");
    for (let start = 1; start <= users; start += 1_000) {
      const ids = Array.from({ length: Math.min(1_000, users - start + 1) }, (_, i) => String((start + i) * 10));
      await redis.sadd("bench:online:users", ...ids);
      await redis.mset(ids.flatMap((id) => [`bench:online:${id}`, "1"]));
    }
    const count = "select count(*) from first_server_users where is_online";
    const one = { name: "one", text: "select is_online from first_server_users where id = $1", values: [users * 5] };
    return [
      { what: "PostgreSQL, count of those online", taken: await timed(100, () => client.query(count)) },
      { what: "Redis, SCARD online:users", taken: await timed(1_000, () => redis.scard("bench:online:users")) },
      { what: "PostgreSQL, one user by primary key", taken: await timed(1_000, () => client.query(one)) },
      {
        what: "Redis, EXISTS online:{user}",
        taken: await timed(1_000, () => redis.exists(`bench:online:${users * 5}`)),
      },
    ];
  } finally {
    await client.end();
  }
}
