-- Members of a group as a JSON array of user ids.
create or replace function member_ids(p_conversation bigint) returns json stable language plpgsql as $$
begin
  return (select coalesce(json_agg(p.user_id), '[]') from participants p where p.conversation_id = p_conversation and p.left_at is null);
end
$$;

create or replace function count_new_members() returns trigger language plpgsql as $$
begin
  update conversations c set members = c.members + a.n
  from (select conversation_id, count(*) as n from added where left_at is null group by 1) a
  where c.id = a.conversation_id and c.group_id is not null;
  return null;
end
$$;

create or replace function count_member() returns trigger language plpgsql as $$
begin
  update conversations c set members = c.members + case when new.left_at is null then 1 else -1 end
  where c.id = new.conversation_id and c.group_id is not null;
  return null;
end
$$;
