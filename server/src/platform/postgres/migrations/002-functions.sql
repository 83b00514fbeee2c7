-- Lock of an object's name. Locks of one transaction are taken in ascending order, before anything is read.
create function object_lock(name text) returns bigint immutable parallel safe language sql
return hashtextextended(name, 0);

-- How many messages of the conversation have an id of p_id or below: ids and seq ascend together and seq has no gap.
create function seq_at(p_conversation bigint, p_id bigint) returns bigint stable language plpgsql as $$
declare
  low bigint := 0;
  high bigint;
  middle bigint;
  found_id bigint;
begin
  select m.seq into low from messages m where m.id = p_id and m.conversation_id = p_conversation;
  if found then
    return low;
  end if;
  low := 0;
  select c.seq into high from conversations c where c.id = p_conversation;
  while low < high loop
    middle := (low + high + 1) / 2;
    select m.id into found_id from messages m where m.conversation_id = p_conversation and m.seq = middle;
    if found_id <= p_id then low := middle; else high := middle - 1; end if;
  end loop;
  return low;
end
$$;

-- How many messages the conversation had at version p_ver: first_ver and seq ascend together.
create function seq_at_ver(p_conversation bigint, p_ver bigint) returns bigint stable language plpgsql as $$
declare
  low bigint := 0;
  high bigint;
  middle bigint;
  found_ver bigint;
begin
  select c.seq into high from conversations c where c.id = p_conversation and c.ver > p_ver;
  if not found then
    return (select c.seq from conversations c where c.id = p_conversation);
  end if;
  while low < high loop
    middle := (low + high + 1) / 2;
    select m.first_ver into found_ver from messages m where m.conversation_id = p_conversation and m.seq = middle;
    if found_ver <= p_ver then low := middle; else high := middle - 1; end if;
  end loop;
  return low;
end
$$;

-- Where a client may resume: every transaction before it is finished and seen by this snapshot, and its number cannot be given out
-- again after a crash (PostgreSQL may reuse numbers whose WAL was lost, so the point never passes one that is known to be on disk).
create function resume_point() returns bigint stable language sql
return (
  select least(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, durable::text::bigint) from installation
);

-- Tells installations and their time lines apart: a cursor of another one means nothing here.
create function resume_epoch() returns text stable language sql
return (
  select md5(s.system_identifier::text || '/' || c.timeline_id::text) from pg_control_system() s, pg_control_checkpoint() c
);

-- Stores direct messages, all in one transaction of the caller.
-- In: one element per message; (sender, client_id) must be distinct within a call, and makes a message idempotent for ever.
-- Out: one row per stored message and one per message that was stored before ('duplicate': the row tells the stored one); ord says
--      which element. No row: there is no such recipient. ver and seq are the message's; status is 'sent', or what it is by now.
-- The planner settings: tables may be without statistics, and a plan made then would stay.
create function send_batch(
  p_senders bigint[], p_recipients bigint[], p_client_ids text[], p_types text[], p_contents text[]
) returns table (
  ord bigint, outcome text, id bigint, conversation_id bigint, recipient_id bigint, seq bigint, ver bigint, status text,
  created_at timestamptz, username text, full_name text, avatar text, role text, last_seen timestamptz
) language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  now_at timestamptz;
begin
  perform pg_advisory_xact_lock(l.key)
  from (
    select distinct k.key
    from unnest(p_senders, p_recipients) as i(sender, recipient),
      lateral (values
        (object_lock('conv:' || least(i.sender, i.recipient) || ':' || greatest(i.sender, i.recipient))),
        (object_lock('user:' || i.sender)),
        (object_lock('user:' || i.recipient))
      ) as k(key)
    order by 1
  ) l;

  with made as (
    insert into conversations (lo, hi)
    select distinct least(i.sender, i.recipient), greatest(i.sender, i.recipient)
    from unnest(p_senders, p_recipients) as i(sender, recipient)
    where not exists (
        select from conversations c
        where c.lo = least(i.sender, i.recipient) and c.hi = greatest(i.sender, i.recipient)
      )
      and exists (select from users u where u.id = i.sender)
      and exists (select from users u where u.id = i.recipient)
    returning conversations.id, lo, hi
  )
  insert into participants (conversation_id, user_id)
  select made.id, lo from made union select made.id, hi from made;

  now_at := clock_timestamp();
  return query
  with input as materialized (
    select * from unnest(p_senders, p_recipients, p_client_ids, p_types, p_contents) with ordinality
      as i(sender, recipient, client_id, type, content, ord)
  ),
  known as materialized (
    select i.ord, i.sender, m.id, m.conversation_id, m.seq, m.ver, m.created_at,
      case when c.lo = m.sender_id then c.hi else c.lo end as recipient,
      case when m.seq <= r.read_seq then 'read' when m.seq <= r.delivered_seq then 'delivered' else 'sent' end as status
    from input i
      join messages m on m.sender_id = i.sender and m.client_id = i.client_id
      join conversations c on c.id = m.conversation_id
      left join participants r on r.conversation_id = c.id and r.user_id = case when c.lo = m.sender_id then c.hi else c.lo end
  ),
  numbered as (
    select i.*, c.id as conversation_id, greatest(now_at, c.last_message_at) as created_at,
      c.seq + row_number() over w as seq, c.ver + row_number() over w as ver
    from input i
      join conversations c on c.lo = least(i.sender, i.recipient) and c.hi = greatest(i.sender, i.recipient)
    where not exists (select from known k where k.ord = i.ord)
    window w as (partition by c.id order by i.ord)
  ),
  placed as materialized (
    select n.*, nextval('message_ids') as id from (select * from numbered order by numbered.ord) n
  ),
  written as (
    insert into messages (id, conversation_id, seq, first_ver, ver, sender_id, client_id, message_type, content, created_at)
    select p.id, p.conversation_id, p.seq, p.ver, p.ver, p.sender, p.client_id, p.type, p.content, p.created_at from placed p
  ),
  heads as (
    update conversations c
    set ver = h.ver, seq = h.seq, last_message_id = h.id, last_message_at = h.created_at, changed = pg_current_xact_id()
    from (
      select p.conversation_id, max(p.ver) as ver, max(p.seq) as seq, max(p.id) as id, max(p.created_at) as created_at
      from placed p group by 1
    ) h
    where c.id = h.conversation_id
  ),
  own as (
    -- One's own messages need no delivery: a position at the end stays at the end.
    update participants t
    set sent = t.sent + s.n,
      delivered_seq = case when t.delivered_seq = s.first - 1 and s.last - s.first + 1 = s.n then s.last else t.delivered_seq end
    from (
      select p.conversation_id, p.sender, count(*) as n, min(p.seq) as first, max(p.seq) as last from placed p group by 1, 2
    ) s
    where t.user_id = s.sender and t.conversation_id = s.conversation_id
  ),
  lists as (
    update user_state u set list_ver = u.list_ver + 1
    from (select p.sender as user_id from placed p union select p.recipient from placed p) x
    where u.user_id = x.user_id
  ),
  outcomes as (
    select k.ord, 'duplicate' as outcome, k.id, k.conversation_id, k.recipient, k.seq, k.ver, k.status, k.created_at, k.sender
    from known k
    union all
    select p.ord, 'stored', p.id, p.conversation_id, p.recipient, p.seq, p.ver, 'sent', p.created_at, p.sender from placed p
  )
  select o.ord, o.outcome, o.id, o.conversation_id, o.recipient, o.seq, o.ver, o.status, o.created_at,
    u.username, u.full_name, u.avatar, u.role, u.last_seen
  from outcomes o join users u on u.id = o.sender;
end
$$;

-- Moves read and delivered positions of direct conversations forward; a position never goes back.
-- In: one element per wish of p_users: up to message p_messages, or, when that is null, up to the end of the conversation with
--     p_peers. p_reads: true = read (which is also delivered), false = delivered. Wishes about messages that the user has not
--     received (foreign, own, unknown) change nothing.
-- Out: one row per conversation and user whose position moved. cleared: by how much that user's unread count fell.
create function advance_batch(p_users bigint[], p_messages bigint[], p_peers bigint[], p_reads boolean[]) returns table (
  conversation_id bigint, user_id bigint, peer_id bigint, ver bigint, seq bigint, read_moved boolean,
  read_message_id bigint, delivered_message_id bigint, cleared bigint
) language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  targets jsonb;
  t record;
  reader participants%rowtype;
  head conversations%rowtype;
  new_read bigint;
  new_delivered bigint;
  own_part bigint;
  skipped_part bigint;
  unread_before bigint;
begin
  -- What each wish means; a message never changes its conversation, seq or sender, so this needs no lock.
  select jsonb_agg(jsonb_build_object('u', w.user_id, 'c', w.id, 'lo', w.lo, 'hi', w.hi, 's', w.seq, 'r', w.is_read))
  into targets
  from (
    select i.user_id, c.id, c.lo, c.hi, m.seq, i.is_read
    from unnest(p_users, p_messages, p_reads) as i(user_id, message_id, is_read)
      join messages m on m.id = i.message_id
      join conversations c on c.id = m.conversation_id and i.user_id in (c.lo, c.hi)
    where m.sender_id <> i.user_id or c.lo = c.hi
    union all
    select i.user_id, c.id, c.lo, c.hi, null, i.is_read
    from unnest(p_users, p_messages, p_peers, p_reads) as i(user_id, message_id, peer_id, is_read)
      join conversations c on c.lo = least(i.user_id, i.peer_id) and c.hi = greatest(i.user_id, i.peer_id)
    where i.message_id is null
  ) w;
  if targets is null then
    return;
  end if;

  perform pg_advisory_xact_lock(l.key)
  from (
    select distinct k.key
    from jsonb_to_recordset(targets) as w(lo bigint, hi bigint),
      lateral (values (object_lock('conv:' || lo || ':' || hi)), (object_lock('user:' || lo)), (object_lock('user:' || hi))) as k(key)
    order by 1
  ) l;

  for t in
    select w.c, w.u,
      -- null means to the end, which wins
      case when bool_or(w.s is null and w.r) then null else max(w.s) filter (where w.r) end as read_to,
      bool_or(w.s is null and w.r) as read_all,
      case when bool_or(w.s is null) then null else max(w.s) end as delivered_to,
      bool_or(w.s is null) as delivered_all
    from jsonb_to_recordset(targets) as w(u bigint, c bigint, s bigint, r boolean)
    group by w.c, w.u order by w.c, w.u
  loop
    select * into head from conversations c where c.id = t.c;
    select * into reader from participants p where p.user_id = t.u and p.conversation_id = t.c;
    continue when not found;
    new_read := greatest(reader.read_seq, case when t.read_all then head.seq else coalesce(t.read_to, 0) end);
    new_delivered := greatest(reader.delivered_seq, new_read, case when t.delivered_all then head.seq else coalesce(t.delivered_to, 0) end);
    continue when new_read = reader.read_seq and new_delivered = reader.delivered_seq;
    unread_before := (head.seq - reader.read_seq) - (reader.sent - reader.sent_at_read) - reader.skipped;

    if new_read = reader.read_seq then
      own_part := reader.sent_at_read;
      skipped_part := reader.skipped;
    elsif new_read = head.seq then
      own_part := reader.sent;
      skipped_part := 0;
    elsif new_read - reader.read_seq <= head.seq - new_read then
      -- Count the side that is shorter.
      select reader.sent_at_read + count(*) filter (where m.sender_id = t.u),
        reader.skipped - count(*) filter (where m.sender_id <> t.u and m.deleted_at is not null)
      into own_part, skipped_part
      from messages m where m.conversation_id = t.c and m.seq > reader.read_seq and m.seq <= new_read;
    else
      select reader.sent - count(*) filter (where m.sender_id = t.u),
        count(*) filter (where m.sender_id <> t.u and m.deleted_at is not null)
      into own_part, skipped_part
      from messages m where m.conversation_id = t.c and m.seq > new_read;
    end if;

    update participants p
    set read_seq = new_read, delivered_seq = new_delivered, sent_at_read = own_part, skipped = skipped_part,
      changed = pg_current_xact_id()
    where p.user_id = t.u and p.conversation_id = t.c;
    update conversations c set ver = c.ver + 1, changed = pg_current_xact_id() where c.id = t.c;
    update user_state u set list_ver = u.list_ver + 1 where u.user_id in (head.lo, head.hi);

    conversation_id := t.c;
    user_id := t.u;
    peer_id := case when head.lo = t.u then head.hi else head.lo end;
    ver := head.ver + 1;
    seq := head.seq;
    read_moved := new_read > reader.read_seq;
    read_message_id := coalesce((select m.id from messages m where m.conversation_id = t.c and m.seq = new_read), 0);
    delivered_message_id := coalesce((select m.id from messages m where m.conversation_id = t.c and m.seq = new_delivered), 0);
    cleared := unread_before - ((head.seq - new_read) - (reader.sent - own_part) - skipped_part);
    return next;
  end loop;
end
$$;
