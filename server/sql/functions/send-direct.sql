-- Stores one direct message in the common case, at about half the cost of send_batch(), which says what the parameters are and does all else.
-- Out: null and nothing done if the two have no conversation yet or are one person, the sender's account is closed, the message was stored
--      before, one has blocked the other, or the recipient does not see the last message. Otherwise one JSON object: the message's id,
--      conversation_id, seq, ver and created_at, its sender's profile and how far that one has received by now (delivered), the versions of both
--      lists, and dirty. sender_ver: as for send_batch.
create or replace function send_direct(
  p_sender bigint, p_recipient bigint, p_client_id text, p_type text, p_content text, p_epoch int
) returns json language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  -- The caller or this call tells the cache what changes.
  marked text := set_config('om.marked', '1', true);
  conversation text := 'conv:' || least(p_sender, p_recipient) || ':' || greatest(p_sender, p_recipient);
  a bigint := lock_number(conversation);
  b bigint := lock_number('user:' || p_sender);
  c bigint := lock_number('user:' || p_recipient);
  -- As lock_objects() does, in one expression, whose arguments are evaluated from left to right.
  locked text := concat(pg_advisory_xact_lock(least(a, b, c)), pg_advisory_xact_lock(greatest(least(a, b), least(greatest(a, b), c))),
    pg_advisory_xact_lock(greatest(a, b, c)));
  head record;
  own record;
  sender_ver bigint;
  sender_list bigint;
  recipient_list bigint;
  dirty boolean := not is_marked(p_epoch);
begin
  update conversations t
  set ver = t.ver + 1, seq = t.seq + 1, last_message_id = nextval('message_ids'),
    last_message_at = greatest(clock_timestamp(), t.last_message_at), changed_xid = pg_current_xact_id()
  from users u
  where u.id = p_sender and u.deleted_at is null
    and t.lo = least(p_sender, p_recipient) and t.hi = greatest(p_sender, p_recipient) and t.lo < t.hi
    and not exists (select from messages k where k.sender_id = p_sender and k.client_id = p_client_id)
    and not exists (select from blocks k where k.blocker_id = p_recipient and k.blocked_id = p_sender)
    and not exists (select from blocks k where k.blocker_id = p_sender and k.blocked_id = p_recipient)
    and not exists (
      select from participants p where p.user_id = p_recipient and p.conversation_id = t.id and p.last_visible_id is not null
    )
  returning t.id, t.seq, t.ver, t.last_message_id, t.last_message_at, user_profile(u) as profile into head;
  if not found then
    return null;
  end if;
  insert into messages (id, conversation_id, seq, first_ver, ver, sender_id, client_id, message_type, content, created_at)
  values (head.last_message_id, head.id, head.seq, head.ver, head.ver, p_sender, p_client_id, p_type, p_content, head.last_message_at);
  -- One's own message needs no delivery: a position at the end stays at the end.
  update participants p
  set sent = p.sent + 1, delivered_seq = p.delivered_seq + (p.delivered_seq = head.seq - 1)::int, last_visible_id = null, last_visible_at = null
  where p.user_id = p_sender and p.conversation_id = head.id returning p.delivered_seq, p.sent into own;
  update user_state u set list_ver = u.list_ver + 1 where u.user_id = p_sender returning u.list_ver into sender_list;
  update user_state u set list_ver = u.list_ver + 1 where u.user_id = p_recipient returning u.list_ver into recipient_list;
  if own.sent = 1 then
    -- Locks of profiles come after those of conversations and lists.
    perform lock_objects(array['profile:' || p_sender]);
    update users u set ver = u.ver + 1 where u.id = p_sender returning u.ver into sender_ver;
    dirty := not is_marked(p_epoch);
  end if;
  if dirty then
    insert into cache_dirty (key, ver)
    values (conversation, head.ver), ('unread:' || p_recipient || ':' || p_sender, head.ver),
      ('unread:' || p_sender || ':' || p_recipient, head.ver), ('convlist:' || p_sender, sender_list),
      ('convlist:' || p_recipient, recipient_list);
    insert into cache_dirty (key, ver) select 'profile:' || p_sender, sender_ver where sender_ver is not null;
  end if;
  return json_build_object('id', head.last_message_id, 'conversation_id', head.id, 'seq', head.seq, 'ver', head.ver,
    'created_at', head.last_message_at, 'sender', head.profile, 'delivered', own.delivered_seq, 'sender_list_ver', sender_list,
    'recipient_list_ver', recipient_list, 'sender_ver', sender_ver, 'dirty', dirty);
end
$$;
