-- The last message at or before a position that is not hidden from the user; 0: none.
create or replace function message_at_seq(p_conversation bigint, p_seq bigint, p_user bigint) returns bigint stable language plpgsql as $$
begin
  return coalesce((
    select m.id from messages m
    where m.conversation_id = p_conversation and m.seq <= p_seq and not (m.hidden and m.sender_id <> p_user)
    order by m.seq desc limit 1
  ), 0);
end
$$;

-- Moves read and delivered positions forward; a position never goes back.
-- In: one element per update of p_users. Up to message p_messages; with p_groups: up to that message of that group, whoever wrote it; where
--     p_messages is null: up to the end of the conversation with p_peers. p_reads: true = read (which is also delivered), false =
--     delivered. Updates about messages that the user has not received (foreign, own, hidden, unknown), and those of closed
--     accounts, change nothing.
-- Out: one row per conversation and user whose position moved. newly_read: by how much that user's unread count fell. In a direct
--      conversation every move is a change of the conversation; in a group it is the member's own affair: ver stays, and members are
--      informed only of reading. Nobody is informed with whom the user has a block: members is [] in a direct conversation. It is null in a group of
--      more than 100 members, who are informed of many reads at once (gather-reads.ts). user_list_ver, peer_list_ver: versions of their lists by now; peer_list_ver is null in a group. read_seq,
--      delivered_seq: where the user's positions are by now. dirty_added: as for send_batch, of this row.
-- p_epoch: as for send_batch.
create or replace function advance_batch(p_users bigint[], p_messages bigint[], p_peers bigint[], p_groups bigint[], p_reads boolean[], p_epoch int)
returns table (
  conversation_id bigint, user_id bigint, peer_id bigint, group_id bigint, ver bigint, seq bigint, read_moved boolean,
  read_message_id bigint, delivered_message_id bigint, newly_read bigint, members json, user_list_ver bigint, peer_list_ver bigint, read_seq bigint, delivered_seq bigint,
  dirty_added boolean
) language plpgsql
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
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
  apart bigint[];
  read_in bigint[] := '{}';
begin
  perform set_config('om.marked', '1', true);
  -- What each update means; a message never changes its conversation, seq or sender, so this needs no lock.
  select jsonb_agg(jsonb_build_object('u', w.user_id, 'c', w.id, 'lo', w.lo, 'hi', w.hi, 'g', w.group_id, 's', w.seq, 'r', w.is_read))
  into targets
  from (
    select i.user_id, c.id, c.lo, c.hi, c.group_id, m.seq, i.is_read
    from unnest(p_users, p_messages, p_groups, p_reads) as i(user_id, message_id, group_id, is_read)
      join messages m on m.id = i.message_id
      join conversations c on c.id = m.conversation_id
      join participants p on p.user_id = i.user_id and p.conversation_id = c.id and p.left_at is null
    where case
      when i.group_id is not null then c.group_id = i.group_id
      else (m.sender_id <> i.user_id or c.lo = c.hi) and not m.hidden end
    union all
    select i.user_id, c.id, c.lo, c.hi, null, null, i.is_read
    from unnest(p_users, p_messages, p_peers, p_reads) as i(user_id, message_id, peer_id, is_read)
      join conversations c on c.lo = least(i.user_id, i.peer_id) and c.hi = greatest(i.user_id, i.peer_id)
    where i.message_id is null and i.peer_id is not null
  ) w
  where exists (select from users a where a.id = w.user_id and a.deleted_at is null);
  if targets is null then
    return;
  end if;

  perform lock_objects(array(
    select unnest(array[
      case when g is null then 'conv:' || lo || ':' || hi else 'group:' || g end, 'user:' || coalesce(lo, u), 'user:' || coalesce(hi, u)
    ])
    from jsonb_to_recordset(targets) as w(u bigint, lo bigint, hi bigint, g bigint)
  ));
  dirty_added := not is_marked(p_epoch);

  for t in
    select w.c, w.u, h as head, p as reader, w.read_to, w.delivered_to
    from (
      -- null means to the end, which is beyond every message
      select w.c, w.u, max(coalesce(w.s, 9e18::bigint)) filter (where w.r) as read_to, max(coalesce(w.s, 9e18::bigint)) as delivered_to
      from jsonb_to_recordset(targets) as w(u bigint, c bigint, s bigint, r boolean)
      group by w.c, w.u order by w.c, w.u
    ) w
      join conversations h on h.id = w.c
      join participants p on p.user_id = w.u and p.conversation_id = w.c and p.left_at is null
  loop
    head := t.head;
    reader := t.reader;
    new_read := greatest(reader.read_seq, least(coalesce(t.read_to, 0), head.seq));
    new_delivered := greatest(reader.delivered_seq, new_read, least(t.delivered_to, head.seq));
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
        reader.skipped - count(*) filter (where m.sender_id <> t.u and (m.deleted_at is not null or m.hidden))
      into own_part, skipped_part
      from messages m where m.conversation_id = t.c and m.seq > reader.read_seq and m.seq <= new_read;
    else
      select reader.sent - count(*) filter (where m.sender_id = t.u),
        count(*) filter (where m.sender_id <> t.u and (m.deleted_at is not null or m.hidden))
      into own_part, skipped_part
      from messages m where m.conversation_id = t.c and m.seq > new_read;
    end if;

    read_moved := new_read > reader.read_seq;
    update participants p
    set read_seq = new_read, delivered_seq = new_delivered, sent_at_read = own_part, skipped = skipped_part,
      changed_xid = case when head.lo is null and not read_moved then p.changed_xid else pg_current_xact_id() end
    where p.user_id = t.u and p.conversation_id = t.c;
    ver := head.ver;
    members := null;
    peer_id := case when head.lo = t.u then head.hi else head.lo end;
    if head.lo is not null then
      -- The peer's position may have moved in the same call.
      update conversations c set ver = c.ver + 1, changed_xid = pg_current_xact_id() where c.id = t.c returning c.ver into ver;
      if peer_id = any(blocked_with(t.u)) then
        members := '[]';
      end if;
    elsif read_moved then
      read_in := read_in || t.c;
    end if;
    if head.lo is null and read_moved and head.members <= 100 then
      apart := blocked_with(t.u);
      members := case when apart = '{}' then member_ids(t.c) else (
        select coalesce(json_agg(m.id::bigint), '[]') from json_array_elements_text(member_ids(t.c)) as m(id) where m.id::bigint <> all(apart)
      ) end;
    end if;
    with raised as (
      update user_state u set list_ver = u.list_ver + 1 where u.user_id in (t.u, peer_id) returning u.user_id, u.list_ver
    )
    select max(r.list_ver) filter (where r.user_id = t.u), max(r.list_ver) filter (where r.user_id = peer_id)
    into user_list_ver, peer_list_ver from raised r;

    conversation_id := t.c;
    user_id := t.u;
    group_id := head.group_id;
    seq := head.seq;
    read_seq := new_read;
    delivered_seq := new_delivered;
    read_message_id := message_at_seq(t.c, new_read, t.u);
    delivered_message_id := message_at_seq(t.c, new_delivered, t.u);
    if dirty_added then
      insert into cache_dirty (key, ver)
      select 'convlist:' || l.id, l.ver from (values (t.u, user_list_ver), (peer_id, peer_list_ver)) as l(id, ver) where l.ver is not null
      union select k.key, ver
      from unnest(array['conv:' || head.lo || ':' || head.hi, 'unread:' || t.u || ':' || peer_id, 'unread:' || peer_id || ':' || t.u]) as k(key)
      where head.lo is not null;
    end if;
    newly_read := unread_before - ((head.seq - new_read) - (reader.sent - own_part) - skipped_part);
    return next;
  end loop;
  -- Once for all: a row that changes often in one transaction gets slow.
  if read_in <> '{}' then
    update conversations c set read_ver = c.read_ver + 1 where c.id = any(read_in);
  end if;
end
$$;
