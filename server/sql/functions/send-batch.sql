-- Stores messages, all in one transaction of the caller.
-- In: one element per message, to a person or to a group (the other is null); (sender, client_id) must be distinct within a call, and
--     makes a message idempotent for ever. p_extras: JSON of messages.extras; null: none has any. A reply to a message that its sender does not see in that conversation is no reply.
-- Out: one JSON object, whose parts are null when they are empty.
--      stored: the new messages as placed_message; ord says which element it was.
--      known: those that were stored before, as they are by now. An element that is in neither has no such recipient, or its sender is not
--      in the group, or has a closed account.
--      delivered: how far senders have received by now. lists: versions of the lists by user. senders: their profiles.
--      opened: of senders who had not written to somebody before, whose presence that one may see from now on, the versions of their profiles.
--      apart: by sender, those among the recipients and members with whom the sender has a block. members: of the groups, by group. dirty: what the call changes is in cache_dirty.
-- p_epoch: under which epoch the caller marks in the cache what this changes, before it commits; null: not at all; see is_marked().
create or replace function send_batch(
  p_senders bigint[], p_recipients bigint[], p_groups bigint[], p_client_ids text[], p_types text[], p_contents text[],
  p_replies bigint[], p_epoch int, p_extras text[] default null
) returns json language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  -- The caller or this call tells the cache what changes.
  marked text := set_config('om.marked', '1', true);
  now_at timestamptz;
  placed placed_message[];
  known json;
  delivered json;
  lists json;
  senders json;
  members json;
  openers bigint[];
  opened json;
  dirty boolean := false;
begin
  -- As lock_objects() does, in one statement.
  perform pg_advisory_xact_lock(l.key)
  from (
    select distinct lock_number(n.name) as key
    from unnest(p_senders, p_recipients, p_groups) as i(sender, recipient, group_id),
      unnest(case when i.recipient is null then array['group:' || i.group_id] else array[
        'conv:' || least(i.sender, i.recipient) || ':' || greatest(i.sender, i.recipient), 'user:' || i.sender, 'user:' || i.recipient
      ] end) as n(name)
    order by 1
  ) l;
  now_at := next_message_time();
  placed := array(
    select row(t.ord, nextval('message_ids'), t.conversation_id, t.sender, t.recipient, t.group_id, t.seq + t.nth, t.ver + t.nth,
      greatest(now_at, t.old_at), t.hidden, r.id, case when r.id is not null then message_with_sender(r.id) end, t.old_id, t.old_at
    )::placed_message
    from (
      select t.*, row_number() over (partition by t.conversation_id order by t.ord) as nth
      from (
        select i.*, coalesce(c.id, g.id, make_conversation(i.sender, i.recipient)) as conversation_id,
          coalesce(c.seq, g.seq, 0) as seq, coalesce(c.ver, g.ver, 0) as ver,
          coalesce(c.cleared_seq, g.cleared_seq, 0) as cleared, coalesce(c.last_message_id, g.last_message_id) as old_id, coalesce(c.last_message_at, g.last_message_at) as old_at,
          exists (select from blocks b where b.blocker_id = i.recipient and b.blocked_id = i.sender) as hidden
        from unnest(p_senders, p_recipients, p_groups, p_client_ids, p_replies) with ordinality
            as i(sender, recipient, group_id, client_id, reply, ord)
          left join conversations c
            on i.recipient is not null and c.lo = least(i.sender, i.recipient) and c.hi = greatest(i.sender, i.recipient)
          left join conversations g on g.group_id = i.group_id
        where exists (select from users u where u.id = i.sender and u.deleted_at is null)
          and not exists (select from messages k where k.sender_id = i.sender and k.client_id = i.client_id)
          and (i.group_id is null or exists (
            select from participants p where p.user_id = i.sender and p.conversation_id = g.id and p.left_at is null
          ))
        offset 0
      ) t
      where t.conversation_id is not null order by t.ord
    ) t
      -- By its id alone: the planner would rather read all of the conversation that is not cleared.
      left join lateral (select m.* from messages m where m.id = t.reply offset 0) r
        on r.conversation_id = t.conversation_id and r.deleted_at is null and r.seq > t.cleared and not (r.hidden and r.sender_id <> t.sender)
  );
  if cardinality(placed) < cardinality(p_senders) then
    known := known_messages(p_senders, p_client_ids);
  end if;

  with written as (
    insert into messages (
      id, conversation_id, seq, first_ver, ver, sender_id, client_id, message_type, content, reply_to_id, hidden, created_at, extras
    )
    select p.id, p.conversation_id, p.seq, p.ver, p.ver, p.sender, p_client_ids[p.ord], p_types[p.ord], p_contents[p.ord], p.reply_to_id,
      p.hidden, p.created_at, p_extras[p.ord]::jsonb
    from unnest(placed) p
  ),
  heads as (
    update conversations c
    set ver = h.ver, seq = h.seq, last_message_id = h.id, last_message_at = h.created_at, changed_xid = pg_current_xact_id()
    from (
      select p.conversation_id, max(p.ver) as ver, max(p.seq) as seq, max(p.id) as id, max(p.created_at) as created_at
      from unnest(placed) p group by 1
    ) h
    where c.id = h.conversation_id
  ),
  -- Whom a message concerns in a row of their own: its sender, and of a direct conversation the recipient too.
  concerned as (
    select p.conversation_id, u.id as user_id,
      count(*) filter (where p.sender = u.id) as own, min(p.seq) filter (where p.sender = u.id) as first,
      max(p.seq) filter (where p.sender = u.id) as last, count(*) filter (where p.hidden and p.sender <> u.id) as unseen,
      max(p.id) as newest, max(p.id) filter (where not p.hidden or p.sender = u.id) as seen,
      max(p.created_at) filter (where not p.hidden or p.sender = u.id) as seen_at, max(p.old_id) as old_id, max(p.old_at) as old_at,
      bool_or(p.sender = u.id and p.recipient <> u.id) as to_peer
    from unnest(placed) p, unnest(array[p.sender, nullif(p.recipient, p.sender)]) u(id)
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
    returning t.user_id, t.conversation_id, t.delivered_seq, s.to_peer and t.sent = s.own as opens
  ),
  raised as (
    update user_state u set list_ver = u.list_ver + 1
    where u.user_id in (select unnest(array[p.sender, p.recipient]) from unnest(placed) p where p.recipient is not null)
    returning u.user_id, u.list_ver
  )
  select (select json_agg(p) from positions p), (select json_object_agg(r.user_id, r.list_ver) from raised r),
    (select json_agg(user_profile(u)) from users u where u.id = any(p_senders)),
    (select array_agg(distinct p.user_id) from positions p where p.opens)
  into delivered, lists, senders, openers;

  if openers is not null then
    -- Locks of profiles come after those of conversations and lists.
    perform lock_objects(array(select 'profile:' || o from unnest(openers) o));
    with raised as (update users u set ver = u.ver + 1 where u.id = any(openers) returning u.id, u.ver)
    select json_object_agg(r.id, r.ver) into opened from raised r;
  end if;

  if cardinality(placed) > 0 and not is_marked(p_epoch) then
    dirty := true;
    insert into cache_dirty (key, ver)
    select case when p.group_id is null then 'conv:' || least(p.sender, p.recipient) || ':' || greatest(p.sender, p.recipient)
      else 'group:' || p.group_id end, max(p.ver) from unnest(placed) p group by 1
    union all select 'unread:' || p.recipient || ':' || p.sender, max(p.ver) from unnest(placed) p where p.group_id is null group by 1
    union all select 'unread:' || p.sender || ':' || p.recipient, max(p.ver) from unnest(placed) p where p.group_id is null group by 1
    union all select 'convlist:' || l.key, l.value::bigint from json_each_text(lists) l
    union all select 'profile:' || o.key, o.value::bigint from json_each_text(opened) o;
  end if;
  if array_remove(p_groups, null) <> '{}' then
    members := (select json_object_agg(c.group_id, member_ids(c.id)) from conversations c where c.group_id = any(p_groups));
  end if;
  return json_build_object('stored', to_json(placed), 'known', known, 'delivered', delivered, 'lists', lists, 'members', members,
    'senders', senders, 'opened', opened, 'apart', senders_apart(p_senders, p_recipients, p_groups), 'dirty', dirty);
end
$$;

create or replace function senders_apart(p_senders bigint[], p_recipients bigint[], p_groups bigint[]) returns json stable language plpgsql as $$
begin
  return (
    select json_object_agg(a.sender, a.users)
    from (
      select i.sender, json_agg(distinct b.id) as users
      from unnest(p_senders, p_recipients, p_groups) as i(sender, recipient, group_id)
        cross join lateral (
          select k.blocked_id from blocks k where k.blocker_id = i.sender union all select k.blocker_id from blocks k where k.blocked_id = i.sender
        ) b(id)
      where b.id = i.recipient or exists (
        select from conversations c join participants p on p.conversation_id = c.id
        where c.group_id = i.group_id and p.user_id = b.id and p.left_at is null
      )
      group by 1
    ) a
  );
end
$$;

-- The direct conversation of two users whose lock is held, made if there is none; null when one of them does not exist.
create or replace function make_conversation(p_sender bigint, p_recipient bigint) returns bigint language plpgsql as $$
declare
  found_id bigint;
begin
  -- A message of the same call may have made it.
  select c.id into found_id from conversations c
  where c.lo = least(p_sender, p_recipient) and c.hi = greatest(p_sender, p_recipient);
  if found_id is null and exists (select from users where id = p_sender) and exists (select from users where id = p_recipient) then
    insert into conversations (lo, hi) values (least(p_sender, p_recipient), greatest(p_sender, p_recipient)) returning id into found_id;
    insert into participants (conversation_id, user_id) select distinct found_id, u from unnest(array[p_sender, p_recipient]) u;
  end if;
  return found_id;
end
$$;

-- Messages that were stored before, with their state by now.
create or replace function known_messages(p_senders bigint[], p_client_ids text[]) returns json language plpgsql as $$
begin
  return (
    select json_agg(json_build_object('ord', i.ord, 'id', m.id, 'conversation_id', c.id, 'sender', m.sender_id, 'group_id', c.group_id,
      'recipient', p.peer, 'seq', m.seq, 'ver', m.ver, 'created_at', m.created_at, 'hidden', m.hidden,
      'reply', message_with_sender(m.reply_to_id), 'status', case when c.lo is null or m.hidden then 'sent'
        when m.seq <= r.read_seq and m.id <= coalesce(b.read_id, m.id) then 'read'
        when m.seq <= r.delivered_seq and m.id <= coalesce(b.delivered_id, m.id) then 'delivered' else 'sent' end))
    from unnest(p_senders, p_client_ids) with ordinality as i(sender, client_id, ord)
      join messages m on m.sender_id = i.sender and m.client_id = i.client_id
      join conversations c on c.id = m.conversation_id
      cross join lateral (select case when c.lo = m.sender_id then c.hi else c.lo end as peer) p
      left join participants r on r.conversation_id = c.id and r.user_id = p.peer
      left join blocks b on b.blocker_id = p.peer and b.blocked_id = m.sender_id
  );
end
$$;

-- A message as a reply shows it, whoever may see it; null: there is none, or it was deleted.
create or replace function message_with_sender(p_message bigint) returns json language plpgsql as $$
begin
  return (
    select json_build_object('message', json_build_array(m.id, m.seq, m.ver, m.sender_id, m.client_id, m.message_type, m.content,
      m.version, m.created_at, m.hidden), 'sender', user_profile(u))
    from messages m join users u on u.id = m.sender_id where m.id = p_message and m.deleted_at is null
  );
end
$$;

-- What anybody may see of a user.
create or replace function user_profile(u users) returns json stable language sql as $$
  select json_build_object('id', u.id, 'username', u.username, 'email', '', 'full_name', u.full_name, 'avatar', u.avatar, 'role', u.role,
    'last_seen', u.last_seen)
$$;
