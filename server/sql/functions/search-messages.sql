-- Ids of the newest messages that the user sees and that have all words of a text as the beginnings of theirs; see search_text().
-- In: the conversation, all null: everywhere; p_before: ids below this; p_limit: so many at the most.
-- Out: ids, descending; words: as they are compared.
create or replace function search_messages(
  p_user bigint, p_text text, p_lo bigint, p_hi bigint, p_group bigint, p_before bigint, p_limit int, out ids bigint[], out words text[]
) stable language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  terms text[];
  -- Pairs stand side by side in more texts than those in which the whole run does, and long words are cut.
  whole text[];
  -- The least that is wanted: what is not newer has no place on the page.
  least_id bigint := 0;
  talk record;
  hits bigint[];
  query tsquery;
begin
  ids := '{}';
  words := array(select distinct w from unnest(string_to_array(search_text(replace(p_text, E'\u200c', '')), ' ')) w where w <> '' limit 20);
  terms := array(select distinct t from unnest(words) w, unnest(string_to_array(search_terms(w, 40), ' ')) t);
  whole := array(select w from unnest(words) w where length(w) > case when is_run(w) then 2 else 40 end);
  if terms = '{}' then
    return;
  end if;
  for talk in
    select c.id, c.last_message_id, p.cleared_seq, coalesce(s.seq, 0) as indexed_seq,
      case when p_before > c.last_message_id then c.seq else seq_of_message(c.id, p_before - 1) end as upto
    from participants p join conversations c on c.id = p.conversation_id left join search_progress s on s.conversation_id = c.id
    where p.user_id = p_user and p.left_at is null and c.seq > p.cleared_seq
      and (p_lo is null or (c.lo = p_lo and c.hi = p_hi)) and (p_group is null or c.group_id = p_group)
    order by c.last_message_id desc nulls last
  loop
    exit when talk.last_message_id <= least_id;
    for place in reverse talk.upto / 1024 .. (talk.cleared_seq + 1) / 1024 loop
      exit when least_id > 0 and least_id > (
        select m.id from messages m where m.conversation_id = talk.id and m.seq = least(talk.upto, place * 1024 + 1023)
      );
      query := (
        select string_agg('''' || to_hex(talk.id) || '/' || to_hex(place) || '/' || t || ''':*', '&') from unnest(terms) t
      )::tsquery;
      hits := array(
        select m.id from (
          select s.message_id from searchable_messages s where message_terms(s.conversation_id, s.seq, s.content) @@ query
          union all
          -- What was sent a moment ago.
          select r.id from messages r
          where r.conversation_id = talk.id and r.seq > talk.indexed_seq and r.seq between place * 1024 and least(talk.upto, place * 1024 + 1023)
            and r.message_type = 'text' and message_terms(r.conversation_id, r.seq, r.content) @@ query
        ) found cross join lateral (select m.* from messages m where m.id = found.message_id offset 0) m
        where m.conversation_id = talk.id and m.seq > talk.cleared_seq and m.deleted_at is null and (not m.hidden or m.sender_id = p_user)
          and m.id < p_before and m.id > least_id
          and (whole = '{}' or not exists (select from unnest(whole) w where strpos(fold(m.content), w) = 0))
        order by m.id desc limit p_limit
      );
      if hits <> '{}' then
        ids := array(select i from unnest(ids || hits) i order by i desc limit p_limit);
        least_id := case when cardinality(ids) = p_limit then ids[p_limit] else 0 end;
      end if;
    end loop;
  end loop;
end
$$;
