-- How many messages of the conversation have an id of p_id or below: ids and seq ascend together and seq has no gap.
create or replace function seq_of_message(p_conversation bigint, p_id bigint) returns bigint stable language plpgsql as $$
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
create or replace function seq_at_version(p_conversation bigint, p_ver bigint) returns bigint stable language plpgsql as $$
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
