-- Changes or deletes one message: its author may, a group's admins may delete. A deleted message keeps its place without its content.
-- In: p_content: the new text; null deletes.
-- Out: one row; outcome 'done', 'forbidden' or 'unknown' (also for a message that the user does not see, or that is deleted, and for a closed
--      account). The rest only when done: the conversation's ver and seq by now; members of a group; hidden: only the author sees the message.
create or replace function revise_message(p_user bigint, p_message bigint, p_content text) returns table (
  outcome text, conversation_id bigint, lo bigint, hi bigint, group_id bigint, ver bigint, seq bigint, hidden boolean, sender_id bigint,
  members json
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
  if p.user_id is null or not exists (select from users u where u.id = p_user and u.deleted_at is null) or m.deleted_at is not null or (m.hidden and m.sender_id <> p_user) or m.seq <= p.cleared_seq then
    outcome := 'unknown';
  elsif m.sender_id <> p_user and not (p_content is null and c.group_id is not null and p.role = 'admin') then
    outcome := 'forbidden';
  elsif c.lo is not null and not m.hidden and is_blocked_in(c, p_user) then
    -- Somebody who is blocked has no way to say something new, nor to take back what was said.
    outcome := 'forbidden';
  else
    outcome := 'done';
  end if;
  if outcome <> 'done' then
    return next;
    return;
  end if;

  if p_content is null then
    perform delete_messages(c, array[p_message]);
  else
    perform sweep_attachments_of(array[p_message]);
    perform hold_search_index();
    update messages set ver = c.ver + 1, content = p_content, version = version + 1, edited_at = clock_timestamp() where id = p_message;
    update conversations set ver = c.ver + 1, revised_ver = c.ver + 1, changed_xid = pg_current_xact_id() where id = c.id;
  end if;
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
