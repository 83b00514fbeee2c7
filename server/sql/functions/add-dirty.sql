-- Somewhere among all: what another database, or this one before it was restored, has left in a Redis must not be taken for our own.
create or replace function new_cache_epoch() returns int volatile language sql as $$
  select 1 + (random() * 2000000000)::int
$$;

-- Other after a restart, after a failover, after this database was made anew from a copy, and in a database made from this one as a template.
create or replace function postgres_run() returns text stable language plpgsql as $$
begin
  return md5(extract(epoch from pg_postmaster_start_time())::text || left(pg_walfile_name(pg_current_wal_lsn()), 8) || pg_relation_filepath('cache_control'));
end
$$;

-- Whether what a transaction changes is marked in the Redis that is in use, under p_epoch, or will be before the commit; null: it is not. True as
-- well when nobody has used the cache for longer than any node goes on without asking. For a transaction that holds the locks of the keys: what is
-- read here stays true for them until it has committed, because nobody can fill an entry whose lock is held. The epoch counts only in the run
-- of PostgreSQL that it was drawn for.
create or replace function is_marked(p_epoch int) returns boolean language plpgsql as $$
declare
  c cache_control;
begin
  select * into c from cache_control where id = 1;
  return (c.mode = 'off' and c.mode_changed_at < clock_timestamp() - interval '2 seconds')
    or (p_epoch is not null and c.epoch = p_epoch and c.pg_run = postgres_run());
end
$$;

-- Adds to cache_dirty the keys of a change that is not marked; see is_marked(). Returns how many were added.
create or replace function add_dirty(p_keys text[], p_vers bigint[], p_epoch int) returns int language plpgsql as $$
declare
  added int;
begin
  if is_marked(p_epoch) then
    return 0;
  end if;
  insert into cache_dirty (key, ver) select d.key, d.ver from unnest(p_keys, p_vers) as d(key, ver);
  get diagnostics added = row_count;
  return added;
end
$$;
