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
  update participants set moved_xid = pg_current_xact_id() where moved_xid > pg_current_xact_id();
  update users set changed_xid = pg_current_xact_id() where changed_xid > pg_current_xact_id();
  update groups set changed_xid = pg_current_xact_id() where changed_xid > pg_current_xact_id();
  update block_changes set changed_xid = pg_current_xact_id() where changed_xid > pg_current_xact_id();
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

-- Triggers that stamp what a client which comes back is told of.
create or replace function stamp_changed() returns trigger language plpgsql as $$
begin
  new.changed_xid := pg_current_xact_id();
  return new;
end
$$;

create or replace function stamp_moved() returns trigger language plpgsql as $$
begin
  new.moved_xid := pg_current_xact_id();
  return new;
end
$$;

create or replace function stamp_blocks() returns trigger language plpgsql as $$
begin
  insert into block_changes (user_id, changed_xid) select distinct c.blocker_id, pg_current_xact_id() from changed c order by 1
  on conflict (user_id) do update set changed_xid = excluded.changed_xid;
  if tg_op = 'DELETE' then
    -- How far the blocker has come is shown again.
    update conversations t set changed_xid = pg_current_xact_id() from changed c
    where t.lo = least(c.blocker_id, c.blocked_id) and t.hi = greatest(c.blocker_id, c.blocked_id);
  end if;
  return null;
end
$$;

-- Of the people who changed in or after a transaction those whom the user knows: who is or was in a conversation of the user's, whom the user
-- has blocked, and the user; at most p_limit. While few have changed at all they are looked up one by one, else all whom the user knows.
create or replace function changed_people(p_user bigint, p_since xid8, p_limit int) returns bigint[] stable language plpgsql as $$
declare
  few bigint[] := array(select u.id from users u where u.changed_xid >= p_since limit 201);
begin
  if few = '{}' then
    return few;
  end if;
  if cardinality(few) <= 200 then
    return array(
      select t.user_id from participants t
        join participants mine on mine.user_id = p_user and mine.conversation_id = t.conversation_id and mine.left_at is null
      where t.user_id = any(few)
      union select b.blocked_id from blocks b where b.blocker_id = p_user and b.blocked_id = any(few)
      union select p_user where p_user = any(few)
      limit p_limit
    );
  end if;
  return array(
    select u.id
    from (
      select t.user_id from participants mine join participants t on t.conversation_id = mine.conversation_id and t.left_at is null
      where mine.user_id = p_user and mine.left_at is null
      union select t.user_id from participants mine join participants t on t.conversation_id = mine.conversation_id and t.moved_xid is not null
      where mine.user_id = p_user and mine.left_at is null
      union select b.blocked_id from blocks b where b.blocker_id = p_user
      union select p_user
    ) known join users u on u.id = known.user_id and u.changed_xid >= p_since
    limit p_limit
  );
end
$$;

-- Where a user who comes back with a cursor stands, and what is told of beside conversations; all from the snapshot of the calling statement.
-- In: the cursor's epoch and point, null: none; p_people: for how many people, null: only where the user stands.
-- Out: epoch, point: of the new cursor; usable: the cursor that was given means something here, and only then is told of what changed since;
--      people: faces, one more than p_people if there are more; blocked: all whom the user has blocked, if that changed or the cursor is not
--      usable; removed: ids of groups in which the user is no more.
create or replace function resume_from(p_user bigint, p_epoch text, p_point bigint, p_people int) returns table (
  epoch text, point bigint, usable boolean, people json, blocked json, removed json
) stable language plpgsql as $$
#variable_conflict use_column
declare
  since xid8;
  ids bigint[];
begin
  epoch := resume_epoch();
  point := resume_point();
  usable := coalesce(p_epoch = epoch and p_point <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint, false);
  if usable and p_people is not null then
    since := p_point::text::xid8;
    ids := changed_people(p_user, since, p_people + 1);
    if ids <> '{}' then
      people := (
        select json_agg(json_build_object(
          'id', u.id, 'username', u.username, 'full_name', u.full_name, 'avatar', u.avatar, 'role', u.role, 'ver', u.ver
        ) order by u.id) from users u where u.id = any(ids)
      );
    end if;
    removed := (
      select json_agg(l.group_id) from (
        select c.group_id from participants p join conversations c on c.id = p.conversation_id
        where p.user_id = p_user and p.left_at is not null and p.changed_xid >= since order by c.id limit 10000
      ) l
    );
  end if;
  if p_people is not null and (not usable or exists (select from block_changes b where b.user_id = p_user and b.changed_xid >= since)) then
    blocked := (select coalesce(json_agg(b.blocked_id order by b.blocked_id), '[]') from blocks b where b.blocker_id = p_user);
  end if;
  return next;
end
$$;
