-- Queues for erasure what nobody can see any more: of a direct conversation what both have deleted, a closed account counting as somebody who
-- has; of a group what was deleted for everybody.
create or replace function forget_conversation(p_conversation bigint) returns void language plpgsql as $$
declare
  c conversations;
  unseen bigint;
begin
  select * into c from conversations where id = p_conversation;
  unseen := case when c.lo is null then c.cleared_seq else (
    select min(case when u.deleted_at is null then p.cleared_seq else c.seq end)
    from participants p join users u on u.id = p.user_id where p.conversation_id = c.id
  ) end;
  if unseen > c.forgotten_seq then
    insert into erasures (conversation_id, from_seq, to_seq) values (c.id, c.forgotten_seq, unseen);
    update conversations set forgotten_seq = unseen where id = c.id;
  end if;
end
$$;

-- Attachments that these messages name are looked at by the next sweep, which removes what no other message names.
create or replace function sweep_attachments_of(p_ids bigint[]) returns void language plpgsql as $$
begin
  update attachments a set check_at = '-infinity'
  from messages m where m.id = any(p_ids) and m.message_type <> 'text' and a.key = attachment_key(m.content);
end
$$;

-- Erases the next messages of a forgotten range, whose places stay; returns up to which one. No view shows them, so no version changes.
create or replace function erase_range(p_conversation bigint, p_from bigint, p_to bigint, p_limit int) returns bigint language plpgsql as $$
declare
  upto bigint := least(p_to, p_from + p_limit);
begin
  perform sweep_attachments_of(array(
    select m.id from messages m where m.conversation_id = p_conversation and m.seq > p_from and m.seq <= upto and m.message_type <> 'text'
  ));
  perform hold_search_index();
  delete from searchable_messages s using messages m
  where m.conversation_id = p_conversation and m.seq > p_from and m.seq <= upto and s.message_id = m.id;
  update messages m set content = '', message_type = 'text', extras = null
  where m.conversation_id = p_conversation and m.seq > p_from and m.seq <= upto and m.content <> '';
  delete from reactions r using messages m
  where r.message_id = m.id and m.conversation_id = p_conversation and m.seq > p_from and m.seq <= upto;
  return upto;
end
$$;

-- Makes tombstones of messages of one conversation, whose lock is held; returns its version by now, to which each of them has added one.
create or replace function delete_messages(c conversations, p_ids bigint[]) returns bigint language plpgsql as $$
declare
  gone bigint[] := array(
    select m.id from messages m where m.id = any(p_ids) and m.conversation_id = c.id and m.deleted_at is null order by m.seq
  );
begin
  if gone = '{}' then
    return c.ver;
  end if;
  perform sweep_attachments_of(gone);
  delete from reactions r where r.message_id = any(gone);
  perform hold_search_index();
  delete from searchable_messages s where s.message_id = any(gone);
  update messages m set ver = c.ver + g.nth, content = '', extras = null, version = m.version + 1, deleted_at = clock_timestamp()
  from unnest(gone) with ordinality as g(id, nth) where m.id = g.id;
  update conversations set ver = c.ver + cardinality(gone), revised_ver = c.ver + cardinality(gone), changed_xid = pg_current_xact_id()
  where id = c.id;
  -- For whom they were unread they do not count any more; hidden ones never did.
  update participants t set skipped = t.skipped + u.n, changed_xid = pg_current_xact_id()
  from (
    select p.user_id, count(*) as n
    from messages m join participants p on p.conversation_id = c.id and p.user_id <> m.sender_id and p.read_seq < m.seq
    where m.id = any(gone) and not m.hidden group by 1
  ) u
  where t.conversation_id = c.id and t.user_id = u.user_id;
  if c.last_message_id = any(gone) then
    update conversations set (last_message_id, last_message_at) = (
      select l.id, l.created_at from messages l where l.conversation_id = c.id and l.deleted_at is null order by l.seq desc limit 1
    ) where id = c.id;
  end if;
  -- Whoever saw one of them as the last one sees another now; what comes up as the conversation's last may be hidden from that user.
  update participants t set (last_visible_id, last_visible_at) = (
    select coalesce(max(l.id), 0), max(l.created_at) from (
      select l.id, l.created_at from messages l
      where l.conversation_id = c.id and l.deleted_at is null and not (l.hidden and l.sender_id <> t.user_id)
      order by l.seq desc limit 1
    ) l
  ) where t.conversation_id = c.id
    and (t.last_visible_id = any(gone) or (t.last_visible_id is null and c.lo is not null and c.last_message_id = any(gone)));
  return c.ver + cardinality(gone);
end
$$;
