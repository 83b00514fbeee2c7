-- Restored databases: their cursors begin anew, and what they remember of another cluster's transactions is put right.

-- The epoch in which `changed` and `durable` were last known to be numbers of this database's own transactions; see begin_epoch().
alter table installation add epoch text;

-- Tells databases and their time lines apart: a cursor of another one means nothing here. The cluster alone would not do, for a dump
-- can be restored beside its original; then the database is another, or at least the table is. The time line of the log being
-- written is known at once after a failover, that of the last checkpoint only later.
create or replace function resume_epoch() returns text stable language sql
return (
  select md5(concat_ws('/',
    (select system_identifier from pg_control_system()),
    case
      when pg_is_in_recovery() then (select lpad(to_hex(timeline_id), 8, '0') from pg_control_checkpoint())
      else lower(left(pg_walfile_name(pg_current_wal_lsn()), 8))
    end,
    (select d.oid from pg_database d where d.datname = current_database()),
    'installation'::regclass::oid
  ))
);

-- Called at every start, under the lock of the migrations. In a new epoch the stamps may be numbers of another cluster that here lie
-- in the future: the rows would count as changed for every cursor until then. They are stamped as changed now.
create function begin_epoch() returns void language plpgsql as $$
declare
  current_epoch text := resume_epoch();
begin
  if exists (select from installation i where i.epoch = current_epoch) then
    return;
  end if;
  update conversations set changed = pg_current_xact_id() where changed > pg_current_xact_id();
  update participants set changed = pg_current_xact_id() where changed > pg_current_xact_id();
  update installation set epoch = current_epoch, durable = pg_current_xact_id();
end
$$;
