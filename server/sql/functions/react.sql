-- Gives a message one reaction of the user, in place of the one it had; p_emoji null: takes it back. Whoever sees the message may, but for
-- somebody whom the other of a direct conversation has blocked.
-- Out: as revise_message; outcome also 'same' when nothing changes, and 'full' when there are p_kinds others or p_people others already. extras: of
--      the message by now.
create or replace function react(p_user bigint, p_message bigint, p_emoji text, p_kinds int, p_people int) returns table (
  outcome text, conversation_id bigint, lo bigint, hi bigint, group_id bigint, ver bigint, seq bigint, hidden boolean, sender_id bigint,
  members json, extras jsonb
) language plpgsql as $$
#variable_conflict use_column
declare
  c conversations;
  m messages;
  p participants;
begin
  select * into m from messages where id = p_message;
  c := lock_conversation(m.conversation_id);
  select * into m from messages where id = p_message;
  select * into p from participants where user_id = p_user and participants.conversation_id = m.conversation_id and left_at is null;
  if p.user_id is null or not exists (select from users u where u.id = p_user and u.deleted_at is null) or m.deleted_at is not null
    or (m.hidden and m.sender_id <> p_user) or m.seq <= p.cleared_seq then
    outcome := 'unknown';
  elsif c.lo is not null and is_blocked_in(c, p_user) then
    outcome := 'forbidden';
  elsif p_emoji is not distinct from (select r.emoji from reactions r where r.message_id = p_message and r.user_id = p_user) then
    outcome := 'same';
  elsif p_emoji is not null and (
    select count(*) >= p_people or (count(distinct r.emoji) >= p_kinds and not coalesce(bool_or(r.emoji = p_emoji), false))
    from reactions r where r.message_id = p_message and r.user_id <> p_user
  ) then
    outcome := 'full';
  else
    outcome := 'done';
  end if;
  if outcome <> 'done' then
    return next;
    return;
  end if;

  delete from reactions r where r.message_id = p_message and r.user_id = p_user;
  if p_emoji is not null then
    insert into reactions (message_id, user_id, emoji) values (p_message, p_user, p_emoji);
  end if;
  update messages t set ver = c.ver + 1, extras = coalesce(t.extras, '{}') || jsonb_build_object('reactions', coalesce((
    select jsonb_agg(jsonb_build_array(k.emoji, k.users) order by k.first_at)
    from (
      select r.emoji, jsonb_agg(r.user_id order by r.reacted_at) as users, min(r.reacted_at) as first_at
      from reactions r where r.message_id = p_message group by 1
    ) k
  ), '[]')) where t.id = p_message returning t.extras into extras;
  update conversations set ver = c.ver + 1, changed_xid = pg_current_xact_id() where id = c.id;
  update user_state u set list_ver = u.list_ver + 1 where u.user_id in (c.lo, c.hi);
  conversation_id := c.id;
  lo := c.lo;
  hi := c.hi;
  group_id := c.group_id;
  ver := c.ver + 1;
  seq := c.seq;
  hidden := m.hidden;
  sender_id := m.sender_id;
  members := case when c.group_id is not null then member_ids(c.id) end;
  return next;
end
$$;
