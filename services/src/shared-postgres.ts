import { querySync } from "./sync-calls.ts";

/** Names the PostgreSQL that all tests share which do nothing to it as a whole: a URL without a database. */
export const sharedVariable = "OM_SHARED_POSTGRES";

let made = 0;

/**
 * @param template URL of a database that nobody is connected to; default: an empty one
 * @returns the URL of a fresh copy of it in the PostgreSQL that all tests share
 */
export function sharedDatabase(template = "/template1"): string {
  const server = process.env[sharedVariable];
  if (server === undefined) throw new Error("there is no shared PostgreSQL: vitest's global set-up starts it");
  const name = `t_${process.pid}_${++made}`;
  querySync(`${server}/postgres`, `create database ${name} template ${template.slice(template.lastIndexOf("/") + 1)}`);
  return `${server}/${name}`;
}
