import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { nowMs, quantile } from "../measure.ts";

const content = "a message of ordinary length, as people write them all day";

/** What committing rows costs, one at a time on each connection: rows per second, and ms until a commit is answered. */
export interface Inserts extends Record<string, number> {
  rate: number;
  p50: number;
  p99: number;
}

/** One-row INSERTs. @param load.perSecond at this pace, on one connection; default: without a pause */
export async function inserts(
  url: string,
  load: { seconds: number; connections: number; perSecond?: number },
): Promise<Inserts> {
  const text = "insert into ceiling (a, b, c) values ($1, $2, $3)";
  const clients = Array.from(
    { length: load.connections },
    () => new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 30_000 }),
  );
  await Promise.all(clients.map((client) => client.connect()));
  await clients[0]?.query(
    `create table if not exists ceiling (id bigint generated always as identity primary key, a bigint, b text, c text,
       at timestamptz default now());
     truncate ceiling`,
  );
  const taken: number[] = [];
  const started = nowMs();
  const until = started + load.seconds * 1000;
  const insert = async (client: pg.Client): Promise<void> => {
    for (let n = 1; nowMs() < until; n++) {
      const began = nowMs();
      await client.query({ name: "ceiling", text, values: [7, randomUUID(), content] });
      taken.push(nowMs() - began);
      if (load.perSecond !== undefined) await delay(Math.max(0, started + (n / load.perSecond) * 1000 - nowMs()));
    }
  };
  await Promise.all(clients.map(insert));
  const seconds = (nowMs() - started) / 1000;
  await Promise.all(clients.map((client) => client.end()));
  return { rate: taken.length / seconds, p50: quantile(taken, 0.5), p99: quantile(taken, 0.99) };
}
