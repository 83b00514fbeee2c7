import { only, statement } from "@om/server/platform/postgres/statement";
import { ImportRefused, type ImportConnection } from "./import-connection.ts";

/**
 * The importer's own tables in the target. `import_progress` stays, so that a later run can go on; `import_conversations` keeps what
 * the importer left in each conversation, so that it sees whether somebody has used it since; `import_positions` lives for a run.
 */
const tables = `
create table if not exists import_progress (
  step text primary key,
  position bigint not null default 0,
  detail text not null default ''
);
create table if not exists import_conversations (
  conversation_id bigint primary key,
  seq bigint not null,
  ver bigint not null
) with (fillfactor = 60);
create unlogged table if not exists import_positions (
  conversation_id bigint not null,
  user_id bigint not null,
  role text,
  joined_at timestamptz,
  read_id bigint not null default 0,
  delivered_id bigint not null default 0,
  pending_id bigint,
  primary key (conversation_id, user_id)
)`;

const foreignTables = statement<{ foreign: boolean }>(
  "import.foreign_tables",
  `select to_regclass('schema_migrations') is null
     and (to_regclass('users') is not null or to_regclass('messages') is not null) as foreign`,
);
const occupied = statement<{ occupied: boolean }>(
  "import.occupied",
  `select exists (select from users) or exists (select from groups) or exists (select from conversations)
     or exists (select from messages) or exists (select from app_versions) as occupied`,
);
const serving = statement<{ n: number }>(
  "import.serving",
  "select count(*) as n from pg_stat_activity where datname = current_database() and application_name = 'om-messenger'",
);
const alone = statement<never>("import.alone", "select pg_advisory_lock(7283642)");
const read = statement<{ position: number; detail: string }>(
  "import.progress",
  "select position, detail from import_progress where step = $1",
);
const write = statement<never>(
  "import.set_progress",
  `insert into import_progress (step, position, detail) values ($1, $2, $3)
   on conflict (step) do update
   set position = greatest(import_progress.position, excluded.position), detail = excluded.detail`,
);
const raise = statement<never>(
  "import.raise_sequence",
  `select setval(s.name, greatest($2::bigint, coalesce(pg_sequence_last_value(s.name), 0)))
   from (select case when $1 = 'messages' then 'message_ids' else pg_get_serial_sequence($1, 'id') end::regclass as name) s`,
);
const bumpLists = statement<never>("import.bump_lists", "update user_state set list_ver = list_ver + 1");

/** @throws ImportRefused when the database belongs to another program, such as the first server */
export async function refuseForeign(target: ImportConnection): Promise<void> {
  if (only(await target.query(foreignTables, [])).foreign) {
    throw new ImportRefused("the target has tables of another program: import into an empty database or data folder");
  }
}

/** Waits as long as lock_timeout, for the session of an import that was killed may end late. */
async function lockAlone(target: ImportConnection): Promise<void> {
  try {
    await target.query(alone, []);
  } catch (error) {
    const lockNotAvailable = error instanceof Error && (error as { code?: unknown }).code === "55P03";
    throw lockNotAvailable ? new ImportRefused("another import runs on this target") : error;
  }
}

const newEpoch = statement<never>("import.new_epoch", "update cache_control set epoch = epoch + 1");

/** What is counted of a run that may have been cut off, by the highest id that it took. */
export type Step = "users" | "groups" | "messages";

export function stateStore(target: ImportConnection) {
  const get = async (step: string) => (await target.query(read, [step]))[0];
  return {
    /**
     * Takes the target for the importer of this source.
     * @returns whether an earlier run has finished
     * @throws ImportRefused when somebody else works on it or its data is not of this source
     */
    async claim(fingerprint: string): Promise<boolean> {
      await lockAlone(target);
      if (only(await target.query(serving, [])).n > 0) {
        throw new ImportRefused("a server runs on the target database: stop it first");
      }
      return target.transaction(async () => {
        await target.script(tables);
        const earlier = (await get("source"))?.detail;
        if (earlier === undefined && only(await target.query(occupied, [])).occupied) {
          throw new ImportRefused("the target has data of its own: import into an empty database or data folder");
        }
        if (earlier !== undefined && earlier !== "no users" && earlier !== fingerprint) {
          throw new ImportRefused("the target holds an import of another source");
        }
        await target.query(write, ["source", 0, fingerprint]);
        // Whatever a cache holds of this database is older than what comes now, and no server fills it meanwhile.
        await target.query(newEpoch, []);
        return (await get("finished")) !== undefined;
      });
    },
    position: async (step: Step) => (await get(step))?.position ?? 0,
    /** Never back. */
    advance: (step: Step, position: number) => target.query(write, [step, position, ""]),
    /** New rows get ids above `id`, which the first server has given out. */
    async raiseSequence(table: "users" | "groups" | "app_versions" | "messages", id: number): Promise<void> {
      if (id > 0) await target.query(raise, [table, id]);
    },
    /** Tables that fill up have no statistics yet: a page looks up its rows one by one, or it would read whole tables. */
    planByIndex: () => target.script("set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off"),
    /** Ranges of tables are joined whole: one by one, a large group would be read once for every member. */
    planByRange: () => target.script("set enable_seqscan = off; set enable_nestloop = off; set enable_mergejoin = off"),
    planFreely: () =>
      target.script("reset enable_seqscan; reset enable_nestloop; reset enable_hashjoin; reset enable_mergejoin"),
    bumpLists: () => target.query(bumpLists, []),
    clearPositions: () => target.script("truncate import_positions"),
    /** From here on a run is a repeat; with this all of it is on disk. */
    async finish(): Promise<void> {
      await target.script("drop table import_positions; set synchronous_commit = on");
      await target.query(write, ["finished", 0, ""]);
    },
    /** The planner knows nothing of tables that were filled a moment ago. */
    analyze: () =>
      target.script("analyze messages; analyze conversations; analyze import_conversations; analyze import_positions"),
  };
}
export type StateStore = ReturnType<typeof stateStore>;
