import type pg from "pg";

/**
 * PostgreSQL's own account of what is committed: triggers note every row that a transaction leaves, in the transaction, so what is
 * rolled back is not in it. `at` is a moment before the commit. Rows of one object are numbered in the order of its commits, because
 * its writers hold its lock, or the row, until they commit.
 */
const changeLog = `
  create schema verify;
  create table verify.log (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    txn bigint not null default pg_current_xact_id()::text::bigint,
    what text not null,
    row jsonb not null
  );
  create function verify.note() returns trigger language plpgsql as $$
  declare
    changed jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
  begin
    -- Other triggers change it too, and theirs may be told before what they follow: the row as it is by now counts.
    if tg_table_name = 'conversations' then
      select to_jsonb(c) into changed from conversations c where c.id = new.id;
    end if;
    insert into verify.log (what, row)
    values (tg_table_name || case when tg_op = 'DELETE' then ' gone' else '' end, changed - coalesce(tg_argv::text[], '{}'));
    return null;
  end
  $$`;

/** Table → events, and columns that need no noting. */
const logged: Record<string, { on: string; without?: readonly string[] }> = {
  conversations: { on: "insert or update" },
  messages: { on: "insert or update", without: ["client_id", "created_at"] },
  participants: { on: "insert or update", without: ["joined_at", "delivered_ver", "changed_xid"] },
  user_state: { on: "insert or update" },
  users: { on: "insert or update of full_name", without: ["email", "password_hash"] },
  groups: { on: "insert or update" },
  blocks: { on: "insert or delete" },
  cache_dirty: { on: "insert" },
  cache_control: { on: "insert or update" },
};

/** For a migrated database without users. @returns whether the server has a cache, as its tables say */
export async function installAccount(db: pg.Client): Promise<{ hasCache: boolean }> {
  await db.query(changeLog);
  const { rows } = await db.query<{ name: string }>(
    "select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'",
  );
  const tables = new Set(rows.map(({ name }) => name));
  for (const [table, { on, without = [] }] of Object.entries(logged)) {
    if (!tables.has(table)) continue;
    const columns = without.map((name) => `'${name}'`).join(", ");
    await db.query(
      `create trigger verify_note after ${on} on ${table} for each row execute function verify.note(${columns})`,
    );
  }
  return { hasCache: tables.has("cache_dirty") };
}
