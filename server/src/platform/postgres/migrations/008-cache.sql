-- What the cache in Redis needs of the database: versions, a place to say that a change was not marked there, and who uses it.
-- docs/architecture.md tells the protocol.

alter table users add ver bigint not null default 1;               -- of the profile as others see it, blocks included
alter table participants add member_ver bigint not null default 0; -- of a membership in a group: joined, left, cleared

-- Somewhere among all: what another database, or this one before it was restored, has left in a Redis must not be taken for our own.
create function new_cache_epoch() returns int volatile language sql
return 1 + (random() * 2000000000)::int;

-- One row: which Redis is meant, and whether it is used. Entries of another epoch are as if they were not there.
create table cache_ctl (
  id int primary key default 1 check (id = 1),
  epoch int not null default new_cache_epoch(),
  run_id text not null default '',                 -- of the Redis that the nodes share
  mode text not null default 'off' check (mode in ('on', 'off')),
  changed_at timestamptz not null default '1970-01-01 00:00Z', -- of the mode
  pg_start text not null default ''              -- the run of PostgreSQL that made the versions: a crash or a restored copy may give them out again
) with (fillfactor = 50);
insert into cache_ctl default values;

-- Keys whose change was committed without an acknowledged mark. Every node kills them in Redis; then the row goes. Normally empty.
create table cache_dirty (
  id bigint generated always as identity primary key,
  key text not null,
  ver bigint not null,
  at timestamptz not null default clock_timestamp()
);

-- Nodes with a Redis, and whether they reach it.
create table cache_nodes (
  node_id text primary key,
  hb timestamptz not null,
  redis_ok boolean not null
) with (fillfactor = 50);

-- Other after a restart, after a failover, and after this database was made anew from a copy.
create function cache_run() returns text stable language sql as $$
  select md5(pg_postmaster_start_time()::text || left(pg_walfile_name(pg_current_wal_lsn()), 8) || pg_relation_filenode('cache_ctl'));
$$;

-- The epoch in which entries are filled; 0: none, until a node has drawn one for this run of PostgreSQL.
create function cache_epoch() returns int stable language sql as $$
  select case when c.pg_start = cache_run() then c.epoch else 0 end from cache_ctl c where id = 1;
$$;

-- Notes keys whose change is not marked in the Redis that is in use: p_epoch says under which epoch it was, or will be before the commit;
-- null: not at all. Nothing is noted when nobody has used the cache for longer than any node goes on without asking. For a transaction
-- that holds the locks of those keys: what is read here stays true for them until it has committed, because nobody can fill an entry
-- whose lock is held. Returns how many were noted.
create function note_dirty(p_keys text[], p_vers bigint[], p_epoch int) returns int language plpgsql as $$
declare
  noted int;
begin
  if (
    select cache_epoch() = p_epoch or (c.mode = 'off' and c.changed_at < clock_timestamp() - interval '2 seconds') from cache_ctl c where id = 1
  ) then
    return 0;
  end if;
  insert into cache_dirty (key, ver) select d.key, d.ver from unnest(p_keys, p_vers) as d(key, ver);
  get diagnostics noted = row_count;
  return noted;
end
$$;

create function object_lock_all(p_names text[]) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(l.key)
  from (select distinct object_lock(n.name) as key from unnest(p_names) as n(name) order by 1) l;
end
$$;

-- For somebody who changes rows by hand, or code that forgets the cache: whatever of a conversation changed, it gets a new version and
-- its keys are noted as dirty. The server's own writes do all this themselves and say so by om.marked.

-- For the holder of the locks of these users' lists.
create function touch_lists(p_users bigint[]) returns void language plpgsql as $$
declare
  noted int;
begin
  with raised as (
    update user_state u set list_ver = u.list_ver + 1 where u.user_id = any(p_users) returning u.user_id, u.list_ver
  )
  select note_dirty(array_agg('convlist:' || user_id), array_agg(list_ver), null) from raised into noted;
end
$$;

create function place_of(c conversations) returns text immutable language sql
return case when c.lo is null then 'group:' || c.group_id else 'conv:' || c.lo || ':' || c.hi end;

create function note_conversation(c conversations, p_ver bigint) returns void language plpgsql as $$
begin
  perform note_dirty(array[place_of(c)], array[p_ver], null);
  if c.lo is not null then
    perform note_dirty(array['unread:' || c.lo || ':' || c.hi, 'unread:' || c.hi || ':' || c.lo], array[p_ver, p_ver], null);
  end if;
end
$$;

-- p_user: whose part in it changed; p_was: the version of that part, if it is gone.
create function touch_conversation(p_conversation bigint, p_user bigint, p_was bigint default null) returns void language plpgsql as $$
declare
  c conversations;
  part bigint;
begin
  select * into c from conversations where id = p_conversation;
  if not found then
    -- forget_conversation() sees to the rest.
    perform object_lock_all(array_remove(array['user:' || p_user], null));
    perform touch_lists(array[p_user]);
    return;
  end if;
  perform object_lock_all(array_remove(array[place_of(c), 'user:' || c.lo, 'user:' || c.hi, 'user:' || p_user], null));
  update conversations t set ver = t.ver + 1, changed = pg_current_xact_id() where t.id = p_conversation returning t.ver into c.ver;
  perform note_conversation(c, c.ver);
  if c.lo is null and p_user is not null then
    update participants p set member_ver = p.member_ver + 1 where p.user_id = p_user and p.conversation_id = p_conversation
    returning p.member_ver into part;
    perform note_dirty(array['member:' || c.group_id || ':' || p_user], array[coalesce(part, p_was + 1, 1)], null);
  end if;
  perform touch_lists(array[c.lo, c.hi, p_user]);
end
$$;

-- Of one that is deleted the version is 0 from now on; what is noted is above its last one, so that no entry is clean.
create function forget_conversation(c conversations) returns void language plpgsql as $$
declare
  users bigint[] := array(select p.user_id from participants p where p.conversation_id = c.id union select c.lo union select c.hi);
begin
  perform object_lock_all(array_remove(place_of(c) || array(select 'user:' || u from unnest(users) u), null));
  perform note_conversation(c, c.ver + 1);
  if c.lo is null then
    perform note_dirty(array_agg('member:' || c.group_id || ':' || p.user_id), array_agg(p.member_ver + 1), null)
    from participants p where p.conversation_id = c.id;
  end if;
  perform touch_lists(users);
end
$$;

create function touch_profile(p_user bigint) returns void language plpgsql as $$
declare
  raised bigint;
begin
  perform object_lock_all(array['profile:' || p_user]);
  update users u set ver = u.ver + 1 where u.id = p_user returning u.ver into raised;
  if found then
    perform note_dirty(array['profile:' || p_user], array[raised], null);
  end if;
end
$$;

create function guard_cache() returns trigger language plpgsql as $$
begin
  perform set_config('om.marked', '1', true);
  -- A row that is moved changes two places.
  if tg_table_name = 'messages' then
    if tg_op <> 'DELETE' then
      perform touch_conversation(new.conversation_id, null);
    end if;
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and old.conversation_id <> new.conversation_id) then
      perform touch_conversation(old.conversation_id, null);
    end if;
  elsif tg_table_name = 'participants' then
    if tg_op <> 'DELETE' then
      perform touch_conversation(new.conversation_id, new.user_id);
    end if;
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and (old.conversation_id, old.user_id) <> (new.conversation_id, new.user_id)) then
      perform touch_conversation(old.conversation_id, old.user_id, old.member_ver);
    end if;
  elsif tg_table_name = 'conversations' then
    if tg_op <> 'DELETE' then
      perform touch_conversation(new.id, null);
    end if;
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and place_of(old) <> place_of(new)) then
      perform forget_conversation(old);
    end if;
  elsif tg_table_name = 'groups' then
    perform touch_conversation(c.id, null) from conversations c where c.group_id = new.id;
  elsif tg_table_name = 'users' then
    if tg_op = 'UPDATE' then
      perform touch_profile(new.id);
    else
      perform object_lock_all(array['profile:' || old.id]);
      perform note_dirty(array['profile:' || old.id], array[old.ver + 1], null);
    end if;
  else
    if tg_op <> 'DELETE' then
      perform touch_profile(new.blocker_id);
    end if;
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and old.blocker_id <> new.blocker_id) then
      perform touch_profile(old.blocker_id);
    end if;
  end if;
  perform set_config('om.marked', '', true);
  return null;
end
$$;

create constraint trigger guard_messages after insert or update or delete on messages deferrable initially deferred
  for each row when (current_setting('om.marked', true) is distinct from '1') execute function guard_cache();
-- What a device was told (told_ver, cleared_ver) shows in nothing that is kept.
create constraint trigger guard_participants after insert or delete or update of user_id, conversation_id, role, joined_seq, joined_at,
  left_at, read_seq, delivered_seq, cleared_seq, cleared_id, sent, sent_at_read, skipped, tail_id, tail_at on participants
  deferrable initially deferred
  for each row when (current_setting('om.marked', true) is distinct from '1') execute function guard_cache();
create constraint trigger guard_conversations after insert or update or delete on conversations deferrable initially deferred
  for each row when (current_setting('om.marked', true) is distinct from '1') execute function guard_cache();
create constraint trigger guard_groups after update on groups deferrable initially deferred
  for each row when (current_setting('om.marked', true) is distinct from '1') execute function guard_cache();
create constraint trigger guard_profiles after delete or update of username, full_name, avatar, role, last_seen, deleted_at on users
  deferrable initially deferred
  for each row when (current_setting('om.marked', true) is distinct from '1') execute function guard_cache();
create constraint trigger guard_blocks after insert or update or delete on blocks deferrable initially deferred
  for each row when (current_setting('om.marked', true) is distinct from '1') execute function guard_cache();
