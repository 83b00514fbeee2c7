import type { Queries } from "../platform/postgres/database.ts";
import { statement } from "../platform/postgres/statement.ts";

/** A key that was changed without an acknowledged mark. */
export interface DirtyRow {
  id: number;
  key: string;
  ver: number;
}

/** What the nodes agree on, as one snapshot has it. */
export interface Shared {
  epoch: number;
  run_id: string;
  mode: "on" | "off";
  /** The mode is this old, in ms. */
  mode_age: number;
  /** Tells this run of PostgreSQL from others, as cache_run() does; `pg_start` is the one the epoch was made for. */
  pg_now: string;
  pg_start: string;
  dirty: DirtyRow[];
  /** All of them, of which `dirty` holds the oldest. */
  dirty_count: number;
  /** Some node has said within the last seconds that it reaches Redis. */
  somebody_ok: boolean;
}

const poll = statement<Shared>(
  "cache.poll",
  `select c.epoch, c.run_id, c.mode, (extract(epoch from clock_timestamp() - c.changed_at) * 1000)::float8 as mode_age,
     cache_run() as pg_now, c.pg_start,
     (select coalesce(json_agg(d), '[]') from (select id, key, ver from cache_dirty order by id limit 5000) d) as dirty,
     (select count(*) from (select from cache_dirty limit 50001) d) as dirty_count,
     exists (select from cache_nodes n where n.redis_ok and n.hb > clock_timestamp() - interval '2 seconds') as somebody_ok
   from cache_ctl c`,
);
const beat = statement<never>(
  "cache.beat",
  `with gone as (delete from cache_nodes where hb < clock_timestamp() - interval '1 minute')
   insert into cache_nodes (node_id, hb, redis_ok) select $1, clock_timestamp(), $2
   from (select set_config('synchronous_commit', 'off', true)) as unhurried
   on conflict (node_id) do update set hb = excluded.hb, redis_ok = excluded.redis_ok`,
);
const claim = statement<never>("cache.claim", "update cache_ctl set run_id = $1, epoch = epoch + 1 where run_id <> $1");
const newRun = statement<never>(
  "cache.new_run",
  "update cache_ctl set pg_start = cache_run(), epoch = new_cache_epoch() where pg_start = $1 and pg_start <> cache_run()",
);
const turnOn = statement<never>(
  "cache.turn_on",
  `update cache_ctl set mode = 'on', epoch = epoch + 1, run_id = $1, changed_at = clock_timestamp() where mode = 'off'`,
);
const turnOff = statement<never>(
  "cache.turn_off",
  "update cache_ctl set mode = 'off', changed_at = clock_timestamp() where mode = 'on'",
);
const removeDirty = statement<never>(
  "cache.remove_dirty",
  `delete from cache_dirty
   where id in (select id from cache_dirty where id = any($1) for update skip locked) and cache_run() = $2`,
);
// What is noted once the cache is on again is not in a snapshot in which it is off.
const forgetDirty = statement<never>(
  "cache.forget_dirty",
  `delete from cache_dirty
   where (select mode = 'off' and changed_at < clock_timestamp() - interval '5 seconds' from cache_ctl)`,
);
const noteDirty = statement<{ noted: number }>("cache.note_dirty", "select note_dirty($1, $2, $3) as noted");
const probe = statement<{ free: boolean }>(
  "cache.probe",
  "select pg_try_advisory_xact_lock_shared(object_lock(n.name)) as free from unnest($1::text[]) with ordinality as n(name, ord) order by ord",
);
const explained = statement<{ explained: boolean }>(
  "cache.explained",
  `select c.epoch <> $2 or c.mode = 'off' or exists (select from cache_dirty d where d.key = $1) as explained from cache_ctl c`,
);

/** The tables behind the cache; see sql/functions/note-dirty.sql. */
export function controlStore(db: Queries) {
  return {
    async poll(): Promise<Shared> {
      const [shared] = await db.query(poll, []);
      if (shared === undefined) throw new Error("cache_ctl has no row");
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
    /** Whether an entry of this epoch may be older than the rows: its change is noted, or other entries are in use by now. */
    isExplained: async (key: string, epoch: number) => (await db.query(explained, [key, epoch]))[0]?.explained === true,
    /** Whether nobody changes the objects behind these locks just now; asked before the rows are read, in a statement of its own. */
    probe: async (locks: readonly string[]) => (await db.query(probe, [locks])).map(({ free }) => free),
  };
}
export type ControlStore = ReturnType<typeof controlStore>;

/** In the transaction that changed the keys and holds their locks: how many were noted; see note_dirty(). */
export async function noteDirtyKeys(
  queries: Queries,
  changed: readonly { key: string; ver: number }[],
  epoch: number | null,
): Promise<number> {
  const [row] = await queries.query(noteDirty, [changed.map(({ key }) => key), changed.map(({ ver }) => ver), epoch]);
  return row?.noted ?? 0;
}
