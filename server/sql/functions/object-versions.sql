-- The committed versions of cached objects, in the order of their keys; 0 of what is not there.
create or replace function object_versions(p_keys text[]) returns bigint[] stable language plpgsql as $$
begin
  return (select array_agg(coalesce(case k.kind
      when 'convlist' then (select u.list_ver from user_state u where u.user_id = k.a)
      when 'about' then (select g.ver from groups g where g.id = k.a)
      when 'profile' then (select u.ver from users u where u.id = k.a)
      when 'group' then (select c.ver from conversations c where c.group_id = k.a)
      when 'member' then (
        select p.member_ver from conversations c join participants p on p.conversation_id = c.id where c.group_id = k.a and p.user_id = k.b
      )
      else (select c.ver from conversations c where c.lo = least(k.a, k.b) and c.hi = greatest(k.a, k.b))
    end, 0) order by k.ord)
  from (
    select i.ord, split_part(i.key, ':', 1) as kind, split_part(i.key, ':', 2)::bigint as a, nullif(split_part(i.key, ':', 3), '')::bigint as b
    from unnest(p_keys) with ordinality as i(key, ord)
  ) k);
end
$$;
