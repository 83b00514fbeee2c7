-- Stores messages, all in one transaction of the caller.
-- In: one element per message, to a person or to a group (the other is null); (sender, client_id) must be distinct within a call, and
--     makes a message idempotent for ever. A reply to a message that its sender does not see in that conversation is no reply.
-- Out: one row per stored message and one per message that was stored before ('duplicate': the row tells the stored one); ord says
--      which element. No row: there is no such recipient, or the sender is not in the group. ver and seq are the message's; status is
--      'sent', or what it is by now; hidden: the recipient has blocked the sender; reply: the message replied to, as {message, sender};
--      members: of a group, with its first row. prev_ver: the conversation's version before the call; sender_delivered: how far the
--      sender has received by now; sender_list_ver, recipient_list_ver: versions of their lists by now; null in a group.
--      dirty_added: what the call changes is in cache_dirty.
-- p_epoch: under which epoch the caller marks in the cache what this changes, before it commits; null: not at all; see add_dirty().
create or replace function send_batch(
  p_senders bigint[], p_recipients bigint[], p_groups bigint[], p_client_ids text[], p_types text[], p_contents text[],
  p_replies bigint[], p_epoch int
) returns table (
  ord bigint, outcome text, id bigint, conversation_id bigint, recipient_id bigint, group_id bigint, seq bigint, ver bigint,
  status text, hidden boolean, created_at timestamptz, sender json, reply json, members json, prev_ver bigint,
  sender_delivered bigint, sender_list_ver bigint, recipient_list_ver bigint, dirty_added boolean
) language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  now_at timestamptz;
begin
  perform set_config('om.marked', '1', true);
  perform lock_objects(array(
    select unnest(case when i.recipient is null then array['group:' || i.group_id] else array[
      'conv:' || least(i.sender, i.recipient) || ':' || greatest(i.sender, i.recipient), 'user:' || i.sender, 'user:' || i.recipient
    ] end)
    from unnest(p_senders, p_recipients, p_groups) as i(sender, recipient, group_id)
  ));

  with created as (
    insert into conversations (lo, hi)
    select distinct least(i.sender, i.recipient), greatest(i.sender, i.recipient)
    from unnest(p_senders, p_recipients) as i(sender, recipient)
    where i.recipient is not null
      and not exists (
        select from conversations c
        where c.lo = least(i.sender, i.recipient) and c.hi = greatest(i.sender, i.recipient)
      )
      and exists (select from users u where u.id = i.sender)
      and exists (select from users u where u.id = i.recipient)
    returning conversations.id, lo, hi
  )
  insert into participants (conversation_id, user_id)
  select created.id, lo from created union select created.id, hi from created;

  now_at := clock_timestamp();
  return query
  with input as materialized (
    select * from unnest(p_senders, p_recipients, p_groups, p_client_ids, p_types, p_contents, p_replies) with ordinality
      as i(sender, recipient, group_id, client_id, type, content, reply, ord)
  ),
  known as materialized (
    select i.ord, i.sender, m.id, m.conversation_id, m.seq, m.ver, m.created_at, m.hidden, m.reply_to_id, c.group_id,
      case when c.lo = m.sender_id then c.hi else c.lo end as recipient,
      case
        when c.lo is null or m.hidden then 'sent'
        when m.seq <= r.read_seq then 'read' when m.seq <= r.delivered_seq then 'delivered' else 'sent' end as status
    from input i
      join messages m on m.sender_id = i.sender and m.client_id = i.client_id
      join conversations c on c.id = m.conversation_id
      left join participants r on r.conversation_id = c.id and r.user_id = case when c.lo = m.sender_id then c.hi else c.lo end
  ),
  targets as materialized (
    select i.*, c.id as conversation_id, c.seq as old_seq, c.ver as old_ver, c.last_message_at, c.last_message_id,
      exists (select from blocks b where b.blocker_id = i.recipient and b.blocked_id = i.sender) as hidden
    from input i
      join conversations c on c.lo = least(i.sender, i.recipient) and c.hi = greatest(i.sender, i.recipient)
    where i.recipient is not null and not exists (select from known k where k.ord = i.ord)
    union all
    select i.*, c.id, c.seq, c.ver, c.last_message_at, c.last_message_id, false
    from input i
      join conversations c on c.group_id = i.group_id
      join participants p on p.user_id = i.sender and p.conversation_id = c.id and p.left_at is null
    where i.group_id is not null and not exists (select from known k where k.ord = i.ord)
  ),
  numbered as (
    select t.*, greatest(now_at, t.last_message_at) as created_at, t.old_seq + row_number() over w as seq,
      t.old_ver + row_number() over w as ver,
      (select r.id from messages r
       where r.id = t.reply and r.conversation_id = t.conversation_id and r.deleted_at is null
         and not (r.hidden and r.sender_id <> t.sender)) as reply_to_id
    from targets t window w as (partition by t.conversation_id order by t.ord)
  ),
  placed as materialized (
    select n.*, nextval('message_ids') as id from (select * from numbered order by numbered.ord) n
  ),
  written as (
    insert into messages (
      id, conversation_id, seq, first_ver, ver, sender_id, client_id, message_type, content, reply_to_id, hidden, created_at
    )
    select p.id, p.conversation_id, p.seq, p.ver, p.ver, p.sender, p.client_id, p.type, p.content, p.reply_to_id, p.hidden, p.created_at
    from placed p
  ),
  heads as (
    update conversations c
    set ver = h.ver, seq = h.seq, last_message_id = h.id, last_message_at = h.created_at, changed_xid = pg_current_xact_id()
    from (
      select p.conversation_id, max(p.ver) as ver, max(p.seq) as seq, max(p.id) as id, max(p.created_at) as created_at
      from placed p group by 1
    ) h
    where c.id = h.conversation_id
  ),
  -- Whom a message concerns in a row of their own: its sender, and of a direct conversation the recipient too.
  concerned as (
    select x.conversation_id, x.user_id,
      count(*) filter (where x.own) as own, min(x.seq) filter (where x.own) as first, max(x.seq) filter (where x.own) as last,
      count(*) filter (where x.unseen) as unseen, max(x.id) as newest, max(x.id) filter (where not x.unseen) as seen,
      max(x.created_at) filter (where not x.unseen) as seen_at, max(x.last_message_id) as old_id, max(x.last_message_at) as old_at
    from (
      select p.*, p.sender as user_id, true as own, false as unseen from placed p
      union all
      select p.*, p.recipient, false, p.hidden from placed p where p.recipient is not null and p.recipient <> p.sender
    ) x
    group by 1, 2
  ),
  positions as (
    -- One's own messages need no delivery: a position at the end stays at the end. Hidden ones never count.
    update participants t
    set sent = t.sent + s.own,
      delivered_seq = case when t.delivered_seq = s.first - 1 and s.last - s.first + 1 = s.own then s.last else t.delivered_seq end,
      skipped = t.skipped + s.unseen,
      last_visible_id = case when s.seen = s.newest then null when s.seen is not null then s.seen else coalesce(t.last_visible_id, s.old_id, 0) end,
      last_visible_at = case when s.seen = s.newest then null when s.seen is not null then s.seen_at
        when t.last_visible_id is null then s.old_at else t.last_visible_at end
    from concerned s
    where t.user_id = s.user_id and t.conversation_id = s.conversation_id and (s.own > 0 or s.unseen > 0 or t.last_visible_id is not null)
    returning t.user_id, t.conversation_id, t.delivered_seq
  ),
  lists as (
    update user_state u set list_ver = u.list_ver + 1
    from (
      select p.sender as user_id from placed p where p.recipient is not null
      union select p.recipient from placed p where p.recipient is not null
    ) x
    where u.user_id = x.user_id
    returning u.user_id, u.list_ver
  ),
  dirty as (
    select add_dirty(array_agg(k.key), array_agg(k.ver), p_epoch) as keys from (
      select 'conv:' || least(p.sender, p.recipient) || ':' || greatest(p.sender, p.recipient), max(p.ver) from placed p
      where p.recipient is not null group by 1
      union all select 'group:' || p.group_id, max(p.ver) from placed p where p.group_id is not null group by 1
      union all select 'unread:' || p.recipient || ':' || p.sender, max(p.ver) from placed p where p.recipient is not null group by 1
      union all select 'unread:' || p.sender || ':' || p.recipient, max(p.ver) from placed p where p.recipient is not null group by 1
      union all select 'convlist:' || l.user_id, l.list_ver from lists l
    ) k(key, ver)
    where p_epoch is distinct from cache_epoch() having count(*) > 0
  ),
  outcomes as (
    select k.ord, 'duplicate' as outcome, k.id, k.conversation_id, k.recipient, k.group_id, k.seq, k.ver, k.status, k.hidden,
      k.created_at, k.sender, k.reply_to_id, null::bigint as prev_ver
    from known k
    union all
    select p.ord, 'stored', p.id, p.conversation_id, p.recipient, p.group_id, p.seq, p.ver, 'sent', p.hidden, p.created_at, p.sender,
      p.reply_to_id, p.old_ver
    from placed p
  )
  select o.ord, o.outcome, o.id, o.conversation_id, o.recipient, o.group_id, o.seq, o.ver, o.status, o.hidden, o.created_at,
    json_build_object('id', u.id, 'username', u.username, 'email', '', 'full_name', u.full_name, 'avatar', u.avatar, 'role', u.role,
      'last_seen', u.last_seen),
    (select json_build_object(
        'message', json_build_array(r.id, r.seq, r.ver, r.sender_id, r.client_id, r.message_type, r.content, r.version, r.created_at, r.hidden),
        'sender', json_build_object('id', ru.id, 'username', ru.username, 'email', '', 'full_name', ru.full_name, 'avatar', ru.avatar,
          'role', ru.role, 'last_seen', ru.last_seen))
      from messages r join users ru on ru.id = r.sender_id where r.id = o.reply_to_id and r.deleted_at is null),
    case when o.group_id is not null and row_number() over (partition by o.conversation_id order by o.ord) = 1
      then member_ids(o.conversation_id) end,
    o.prev_ver, moved.delivered_seq, own.list_ver, theirs.list_ver, coalesce((select keys from dirty) > 0, false)
  from outcomes o join users u on u.id = o.sender
    left join positions moved on moved.user_id = o.sender and moved.conversation_id = o.conversation_id
    left join lists own on own.user_id = o.sender and o.recipient is not null
    left join lists theirs on theirs.user_id = o.recipient;
end
$$;
