-- Makes the next messages searchable; what is not yet is read through by search_messages().
-- In: p_limit: so many at the most. Out: how many new ones were looked at; 0 also when somebody else is at it.
-- A conversation is done from its beginning without a gap, in the order of seq. A message whose transaction ends after later ids were looked at
-- twice waits for the next one of its conversation.
create or replace function index_messages(p_limit int) returns int language plpgsql as $$
declare
  at search_position;
  looked_at int;
  upto bigint;
begin
  -- An edit or deletion holds it shared until its end, so that what is read here is not gone when it is written. Nobody waits: the next time will do.
  if not pg_try_advisory_xact_lock(lock_number('search')) then
    return 0;
  end if;
  -- After a crash it is done again.
  perform set_config('synchronous_commit', 'off', true);
  select * into at from search_position;
  with looked as (
    select m.id, m.conversation_id, m.seq from messages m where m.id > at.previous_id and m.id <= at.last_id
    union all
    (select m.id, m.conversation_id, m.seq from messages m where m.id > at.last_id order by m.id limit p_limit)
  ),
  ranges as (
    select l.conversation_id, coalesce(p.seq, 0) as after_seq, max(l.seq) as seq
    from looked l left join search_progress p on p.conversation_id = l.conversation_id
    group by 1, 2 having max(l.seq) > coalesce(p.seq, 0)
  ),
  progress as (
    insert into search_progress select r.conversation_id, r.seq from ranges r
    on conflict (conversation_id) do update set seq = excluded.seq
  ),
  added as (
    insert into searchable_messages
    select m.id, m.conversation_id, m.seq, m.content
    from ranges r join messages m on m.conversation_id = r.conversation_id and m.seq > r.after_seq and m.seq <= r.seq
    where m.message_type = 'text' and m.deleted_at is null and m.content <> ''
  )
  select count(*) filter (where l.id > at.last_id), max(l.id) into looked_at, upto from looked l;
  if upto > at.last_id or at.previous_id < at.last_id then
    update search_position set previous_id = at.last_id, last_id = greatest(upto, at.last_id);
  end if;
  return looked_at;
end
$$;

-- Whoever changes what messages say calls it before, and changes or deletes their searchable_messages.
create or replace function hold_search_index() returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(lock_number('search'));
end
$$;
