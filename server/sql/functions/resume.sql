-- Tells databases and their time lines apart: a cursor of another one means nothing here. The cluster alone would not do, for a dump
-- can be restored beside its original; then the database is another, or at least the table is. The time line of the log being
-- written is known at once after a failover, that of the last checkpoint only later.
create or replace function resume_epoch() returns text stable language sql as $$
  select md5(concat_ws('/',
    (select system_identifier from pg_control_system()),
    case
      when pg_is_in_recovery() then (select lpad(to_hex(timeline_id), 8, '0') from pg_control_checkpoint())
      else lower(left(pg_walfile_name(pg_current_wal_lsn()), 8))
    end,
    (select d.oid from pg_database d where d.datname = current_database()),
    'installation'::regclass::oid
  ))
$$;

-- Where a client may resume: every transaction before it is finished and seen by this snapshot, and its number cannot be given out
-- again after a crash (PostgreSQL may reuse numbers whose WAL was lost, so the point never passes one that is known to be on disk).
create or replace function resume_point() returns bigint stable language sql as $$
  select least(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, durable_xid::text::bigint) from installation
$$;

-- Called at every start, under the lock of the migrations. In a new epoch the stamps may be numbers of another cluster that here lie
-- in the future: the rows would count as changed for every cursor until then. They are stamped as changed now.
create or replace function begin_epoch() returns void language plpgsql as $$
declare
  current_epoch text := resume_epoch();
begin
  if exists (select from installation i where i.resume_epoch = current_epoch) then
    return;
  end if;
  perform set_config('om.marked', '1', true);
  update conversations set changed_xid = pg_current_xact_id() where changed_xid > pg_current_xact_id();
  update participants set changed_xid = pg_current_xact_id() where changed_xid > pg_current_xact_id();
  -- What a cache holds was made from another database.
  update cache_control set epoch = new_cache_epoch();
  perform begin_timeline();
end
$$;

-- Called by every connection to a time line that began while its server ran, before it does anything else: so whatever this server
-- changes on it has a number from timeline_xid on.
create or replace function begin_timeline() returns void language sql as $$
  update installation i
  set resume_epoch = resume_epoch(), durable_xid = pg_current_xact_id(),
    timeline_xid = case when i.resume_epoch is not null then pg_current_xact_id() end,
    timeline_message_id = (select last_value from message_ids)
  where i.resume_epoch is distinct from resume_epoch()
$$;
