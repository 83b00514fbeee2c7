-- For the holder of the locks of these users' lists.
create or replace function invalidate_lists(p_users bigint[]) returns void language plpgsql as $$
declare
  added int;
begin
  with raised as (
    update user_state u set list_ver = u.list_ver + 1 where u.user_id = any(p_users) returning u.user_id, u.list_ver
  )
  select add_dirty(array_agg('convlist:' || user_id), array_agg(list_ver), null) from raised into added;
end
$$;

create or replace function add_dirty_conversation(c conversations, p_ver bigint) returns void language plpgsql as $$
begin
  perform add_dirty(array[conversation_key(c)], array[p_ver], null);
  if c.lo is not null then
    perform add_dirty(array['unread:' || c.lo || ':' || c.hi, 'unread:' || c.hi || ':' || c.lo], array[p_ver, p_ver], null);
  end if;
end
$$;

-- p_was: the version of a group that is gone.
create or replace function invalidate_about(p_group bigint, p_was bigint default null) returns void language plpgsql as $$
declare
  raised bigint := p_was + 1;
begin
  perform lock_objects(array['group:' || p_group]);
  if p_was is null then
    update groups g set ver = g.ver + 1 where g.id = p_group returning g.ver into raised;
  end if;
  if raised is not null then
    perform add_dirty(array['about:' || p_group], array[raised], null);
  end if;
end
$$;

-- p_user: whose part in it changed; p_was: the version of that part, if it is gone.
create or replace function invalidate_conversation(p_conversation bigint, p_user bigint, p_was bigint default null) returns void language plpgsql as $$
declare
  c conversations := lock_conversation(p_conversation, p_user);
  part bigint;
begin
  if c.id is null then
    -- add_dirty_removed_conversation() sees to the rest.
    perform invalidate_lists(array[p_user]);
    return;
  end if;
  update conversations t set ver = t.ver + 1, changed_xid = pg_current_xact_id() where t.id = p_conversation returning t.ver into c.ver;
  perform add_dirty_conversation(c, c.ver);
  if c.lo is null and p_user is not null then
    update participants p set member_ver = p.member_ver + 1, moved_xid = pg_current_xact_id() where p.user_id = p_user and p.conversation_id = p_conversation
    returning p.member_ver into part;
    perform add_dirty(array['member:' || c.group_id || ':' || p_user], array[coalesce(part, p_was + 1, 1)], null);
    perform invalidate_about(c.group_id);
  end if;
  perform invalidate_lists(array[c.lo, c.hi, p_user]);
end
$$;

-- Of one that is deleted the version is 0 from now on; what is added is above its last one, so that no entry is clean.
create or replace function add_dirty_removed_conversation(c conversations) returns void language plpgsql as $$
declare
  users bigint[] := array(select p.user_id from participants p where p.conversation_id = c.id union select c.lo union select c.hi);
begin
  perform lock_objects(conversation_key(c) || array(select 'user:' || u from unnest(users) u));
  perform add_dirty_conversation(c, c.ver + 1);
  if c.lo is null then
    perform add_dirty(array_agg('member:' || c.group_id || ':' || p.user_id), array_agg(p.member_ver + 1), null)
    from participants p where p.conversation_id = c.id;
    perform invalidate_about(c.group_id);
  end if;
  perform invalidate_lists(users);
end
$$;

create or replace function invalidate_profile(p_user bigint) returns void language plpgsql as $$
declare
  raised bigint;
begin
  perform lock_objects(array['profile:' || p_user]);
  update users u set ver = u.ver + 1 where u.id = p_user returning u.ver into raised;
  if found then
    perform add_dirty(array['profile:' || p_user], array[raised], null);
  end if;
end
$$;

create or replace function invalidate_unmarked() returns trigger language plpgsql as $$
begin
  perform set_config('om.marked', '1', true);
  -- A row that is moved changes two places.
  if tg_table_name = 'messages' then
    if tg_op <> 'DELETE' then
      perform invalidate_conversation(new.conversation_id, null);
    end if;
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and old.conversation_id <> new.conversation_id) then
      perform invalidate_conversation(old.conversation_id, null);
    end if;
  elsif tg_table_name = 'participants' then
    if tg_op <> 'DELETE' then
      perform invalidate_conversation(new.conversation_id, new.user_id);
    end if;
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and (old.conversation_id, old.user_id) <> (new.conversation_id, new.user_id)) then
      perform invalidate_conversation(old.conversation_id, old.user_id, old.member_ver);
    end if;
  elsif tg_table_name = 'conversations' then
    if tg_op <> 'DELETE' then
      perform invalidate_conversation(new.id, null);
    end if;
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and conversation_key(old) <> conversation_key(new)) then
      perform add_dirty_removed_conversation(old);
    end if;
  elsif tg_table_name = 'groups' then
    if tg_op = 'DELETE' then
      perform invalidate_about(old.id, old.ver);
    else
      perform invalidate_conversation(c.id, null) from conversations c where c.group_id = new.id;
      perform invalidate_about(new.id);
    end if;
  elsif tg_table_name = 'users' then
    if tg_op = 'UPDATE' then
      perform invalidate_profile(new.id);
    else
      perform lock_objects(array['profile:' || old.id]);
      perform add_dirty(array['profile:' || old.id], array[old.ver + 1], null);
    end if;
  else
    if tg_op <> 'DELETE' then
      perform invalidate_profile(new.blocker_id);
    end if;
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and old.blocker_id <> new.blocker_id) then
      perform invalidate_profile(old.blocker_id);
    end if;
  end if;
  perform set_config('om.marked', '', true);
  return null;
end
$$;
