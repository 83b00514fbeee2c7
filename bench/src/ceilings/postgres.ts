import { randomUUID } from "node:crypto";
import pg from "pg";
import { nowMs } from "../measure.ts";

/** How long to wait for a connection or an answer, in ms. */
const patience = { connectionTimeoutMillis: 10_000, query_timeout: 30_000 };
const content = "a message of ordinary length, as people write them all day";

/** Rows per second that PostgreSQL takes from `connections` callers, each waiting for its commit. */
export async function insertCeiling(
  url: string,
  load: { seconds: number; connections: number; rowsPerInsert: number },
): Promise<number> {
  const setUp = new pg.Client({ connectionString: url, ...patience });
  await setUp.connect();
  await setUp.query(
    "create table if not exists ceiling (id bigint generated always as identity primary key, a bigint, b text, c text, at timestamptz default now())",
  );
  await setUp.query("truncate ceiling");
  await setUp.end();
  const one = load.rowsPerInsert === 1;
  const text = one
    ? "insert into ceiling (a, b, c) values ($1, $2, $3)"
    : "insert into ceiling (a, b, c) select * from unnest($1::bigint[], $2::text[], $3::text[])";
  const fill = <T>(value: () => T): T[] => Array.from({ length: load.rowsPerInsert }, value);
  const until = nowMs() + load.seconds * 1000;
  let rows = 0;
  await Promise.all(
    Array.from({ length: load.connections }, async () => {
      const client = new pg.Client({ connectionString: url, ...patience });
      await client.connect();
      while (nowMs() < until) {
        const values = one ? [7, randomUUID(), content] : [fill(() => 7), fill(randomUUID), fill(() => content)];
        await client.query({ name: `ceiling${load.rowsPerInsert}`, text, values });
        rows += load.rowsPerInsert;
      }
      await client.end();
    }),
  );
  return rows / load.seconds;
}
