import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** A key that was changed without an acknowledged mark. */
export interface DirtyRow {
  id: number;
  key: string;
  ver: number;
}

/** What the nodes agree on, as one snapshot has it. */
export interface ControlState {
  epoch: number;
  redis_identity: string;
  mode: "on" | "off";
  /** The mode is this old, in ms. */
  mode_age: number;
  /** Tells this run of PostgreSQL from others, as postgres_run() does; `pg_run` is the one the epoch was made for. */
  pg_now: string;
  pg_run: string;
  dirty: DirtyRow[];
  /** All of them, of which `dirty` holds the oldest. */
  dirty_count: number;
  /** Some node has said within the last seconds that it reaches Redis. */
  any_node_ok: boolean;
}

const poll = statement<ControlState>(
  "cache.poll",
  `select c.epoch, c.redis_identity, c.mode, (extract(epoch from clock_timestamp() - c.mode_changed_at) * 1000)::float8 as mode_age,
     postgres_run() as pg_now, c.pg_run,
     (select coalesce(json_agg(d), '[]') from (select id, key, ver from cache_dirty order by id limit 5000) d) as dirty,
     (select count(*) from (select from cache_dirty limit 50001) d) as dirty_count,
     exists (select from cache_nodes n where n.redis_ok and n.heartbeat_at > clock_timestamp() - interval '2 seconds') as any_node_ok
   from cache_control c`,
);
const beat = statement<never>(
  "cache.beat",
  `with gone as (delete from cache_nodes where heartbeat_at < clock_timestamp() - interval '1 minute')
   insert into cache_nodes (node_id, heartbeat_at, redis_ok) select $1, clock_timestamp(), $2
   from (select set_config('synchronous_commit', 'off', true)) as async_commit
   on conflict (node_id) do update set heartbeat_at = excluded.heartbeat_at, redis_ok = excluded.redis_ok`,
);
const claim = statement<never>(
  "cache.claim",
  "update cache_control set redis_identity = $1, epoch = epoch + 1 where redis_identity <> $1",
);
const newRun = statement<never>(
  "cache.new_run",
  "update cache_control set pg_run = postgres_run(), epoch = new_cache_epoch() where pg_run = $1 and pg_run <> postgres_run()",
);
const turnOn = statement<never>(
  "cache.turn_on",
  `update cache_control set mode = 'on', epoch = epoch + 1, redis_identity = $1, mode_changed_at = clock_timestamp() where mode = 'off'`,
);
const turnOff = statement<never>(
  "cache.turn_off",
  "update cache_control set mode = 'off', mode_changed_at = clock_timestamp() where mode = 'on'",
);
const removeDirty = statement<never>(
  "cache.remove_dirty",
  `delete from cache_dirty
   where id in (select id from cache_dirty where id = any($1) for update skip locked) and postgres_run() = $2`,
);
// What is added once the cache is on again is not in a snapshot in which it is off.
const forgetDirty = statement<never>(
  "cache.forget_dirty",
  `delete from cache_dirty
   where (select mode = 'off' and mode_changed_at < clock_timestamp() - interval '5 seconds' from cache_control)`,
);
const addDirty = statement<{ added: number }>("cache.add_dirty", "select add_dirty($1, $2, $3) as added");
const probe = statement<{ free: boolean }>(
  "cache.probe",
  "select pg_try_advisory_xact_lock_shared(lock_number(n.name)) as free from unnest($1::text[]) with ordinality as n(name, ord) order by ord",
);
const versions = statement<{ versions: string[]; run: string }>(
  "cache.versions",
  "select object_versions($1) as versions, pg_postmaster_start_time()::text as run",
);
const explained = statement<{ explained: boolean }>(
  "cache.explained",
  `select c.epoch <> $2 or c.mode = 'off' or exists (select from cache_dirty d where d.key = $1) as explained from cache_control c`,
);

/** The tables behind the cache; see sql/functions/add-dirty.sql. */
export function controlStore(db: Queries) {
  return {
    async poll(): Promise<ControlState> {
      const [shared] = await db.query(poll, []);
      if (shared === undefined) throw new Error("cache_control has no row");
      return shared;
    },
    beat: (nodeId: string, redisOk: boolean) => db.query(beat, [nodeId, redisOk]),
    /** From now on `runId` is the Redis that is meant, in a new epoch if it was another. */
    claim: (runId: string) => db.query(claim, [runId]),
    /** A new epoch if PostgreSQL is another run than the one last known. */
    newRun: (known: string) => db.query(newRun, [known]),
    turnOn: (runId: string) => db.query(turnOn, [runId]),
    turnOff: () => db.query(turnOff, []),
    /** Unless this is another run of PostgreSQL by now, which may have given these ids to others. */
    removeDirty: (ids: readonly number[], run: string) => db.query(removeDirty, [ids, run]),
    /** While the cache is off: the next epoch makes them needless. */
    forgetDirty: () => db.query(forgetDirty, []),
    /** Whether an entry of this epoch may be older than the rows: its change is in cache_dirty, or other entries are in use by now. */
    isExplained: async (key: string, epoch: number) => (await db.query(explained, [key, epoch]))[0]?.explained === true,
    /** The committed versions of objects, 0 of what is not there; `run`: another text after a restart or a failover. */
    async versions(keys: readonly string[]): Promise<{ run: string; versions: number[] } | undefined> {
      const [row] = await db.query(versions, [keys]);
      return row && { run: row.run, versions: row.versions.map(Number) };
    },
    /** Whether nobody changes the objects behind these locks just now; asked before the rows are read, in a statement of its own. */
    probe: async (locks: readonly string[]) => (await db.query(probe, [locks])).map(({ free }) => free),
  };
}
export type ControlStore = ReturnType<typeof controlStore>;

/** In the transaction that changed the keys and holds their locks: how many were added; see add_dirty(). */
export async function addDirtyRows(
  queries: Queries,
  changed: readonly { key: string; ver: number }[],
  epoch: number | null,
): Promise<number> {
  const [row] = await queries.query(addDirty, [changed.map(({ key }) => key), changed.map(({ ver }) => ver), epoch]);
  return row?.added ?? 0;
}
