import { querySync } from "./sync-calls.ts";

/** Names the PostgreSQL that all tests share which do nothing to it as a whole: a URL without a database. */
export const sharedVariable = "OM_SHARED_POSTGRES";

let made = 0;

/** @returns the URL of a fresh, empty database of the PostgreSQL that all tests share */
export function sharedDatabase(): string {
  const server = process.env[sharedVariable];
  if (server === undefined) throw new Error("there is no shared PostgreSQL: vitest's global set-up starts it");
  const name = `t_${process.pid}_${++made}`;
  querySync(`${server}/postgres`, `create database ${name}`);
  return `${server}/${name}`;
}
