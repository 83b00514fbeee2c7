-- Somewhere among all: what another database, or this one before it was restored, has left in a Redis must not be taken for our own.
create or replace function new_cache_epoch() returns int volatile language sql as $$
  select 1 + (random() * 2000000000)::int
$$;

-- Other after a restart, after a failover, after this database was made anew from a copy, and in a database made from this one as a template.
create or replace function postgres_run() returns text stable language sql as $$
  select md5(extract(epoch from pg_postmaster_start_time())::text || left(pg_walfile_name(pg_current_wal_lsn()), 8) || pg_relation_filepath('cache_control'));
$$;

-- The epoch in which entries are filled; 0: none, until a node has drawn one for this run of PostgreSQL.
create or replace function cache_epoch() returns int stable language sql as $$
  select case when c.pg_run = postgres_run() then c.epoch else 0 end from cache_control c where id = 1;
$$;

-- Adds keys to cache_dirty whose change is not marked in the Redis that is in use: p_epoch says under which epoch it was, or will be before the commit;
-- null: not at all. Nothing is added when nobody has used the cache for longer than any node goes on without asking. For a transaction
-- that holds the locks of those keys: what is read here stays true for them until it has committed, because nobody can fill an entry
-- whose lock is held. Returns how many were added.
create or replace function add_dirty(p_keys text[], p_vers bigint[], p_epoch int) returns int language plpgsql as $$
declare
  added int;
begin
  if (
    select cache_epoch() = p_epoch or (c.mode = 'off' and c.mode_changed_at < clock_timestamp() - interval '2 seconds') from cache_control c where id = 1
  ) then
    return 0;
  end if;
  insert into cache_dirty (key, ver) select d.key, d.ver from unnest(p_keys, p_vers) as d(key, ver);
  get diagnostics added = row_count;
  return added;
end
$$;
