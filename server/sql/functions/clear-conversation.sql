-- Deletes what a conversation holds so far: for the user alone, or for everybody (a direct conversation; a group only by an admin). Whom the
-- other has blocked deletes only the own side.
-- Out: as revise_message; everyone: it was for everybody; read_message_id: up to where the other of a direct conversation sees it as read, null
--      if that one is not to know. A clearing changes what others see of a direct conversation (it is read), so it has a version; a member's own
--      clearing of a group is that member's own affair.
create or replace function clear_conversation(p_user bigint, p_conversation bigint, p_everyone boolean) returns table (
  outcome text, lo bigint, hi bigint, group_id bigint, ver bigint, seq bigint, members json, everyone boolean,
  read_message_id bigint
) language plpgsql as $$
#variable_conflict use_column
declare
  c conversations;
  p participants;
  last_id bigint;
begin
  c := lock_conversation(p_conversation, p_user);
  select * into p from participants t where t.user_id = p_user and t.conversation_id = p_conversation and t.left_at is null
    and exists (select from users u where u.id = p_user and u.deleted_at is null);
  if not found then
    outcome := 'unknown';
    return next;
    return;
  end if;
  if p_everyone and c.group_id is not null and p.role <> 'admin' then
    outcome := 'forbidden';
    return next;
    return;
  end if;
  p_everyone := p_everyone and not is_blocked_in(c, p_user);
  select coalesce(max(m.id), 0) into last_id from messages m where m.conversation_id = c.id and m.seq = c.seq;
  ver := case when p_everyone or c.lo is not null then c.ver + 1 else c.ver end;
  if p_everyone then
    update conversations t
    set ver = c.ver + 1, revised_ver = c.ver + 1, cleared_seq = c.seq, cleared_id = last_id, changed_xid = pg_current_xact_id()
    where t.id = c.id;
  elsif c.lo is not null then
    update conversations t set ver = c.ver + 1, changed_xid = pg_current_xact_id() where t.id = c.id;
  else
    update conversations t set read_ver = t.read_ver + 1 where t.id = c.id;
  end if;
  -- Of the others of a group the conversation's own cleared_seq tells. Whoever deletes it has no unread messages in it, and nothing waits for delivery.
  update participants t set
    cleared_seq = c.seq, cleared_id = last_id, read_seq = c.seq, delivered_seq = c.seq, sent_at_read = t.sent, skipped = 0,
    cleared_ver = case when t.user_id = p_user then t.cleared_ver else c.ver + 1 end, member_ver = t.member_ver + (t.user_id = p_user)::int,
    changed_xid = pg_current_xact_id()
  where t.conversation_id = c.id and (p_everyone or t.user_id = p_user);
  update user_state u set list_ver = u.list_ver + 1 where u.user_id in (p_user, c.lo, c.hi);
  perform forget_conversation(c.id);
  if c.lo <> c.hi and last_id > 0 and not (case when c.lo = p_user then c.hi else c.lo end) = any(blocked_with(p_user)) then
    read_message_id := message_at_seq(c.id, c.seq, p_user);
  end if;
  outcome := 'done';
  everyone := p_everyone;
  lo := c.lo;
  hi := c.hi;
  group_id := c.group_id;
  seq := c.seq;
  members := case when c.group_id is not null then member_ids(c.id) end;
  return next;
end
$$;
