-- Whether the other one of a direct conversation has blocked the user.
create or replace function is_blocked_in(c conversations, p_user bigint) returns boolean stable language plpgsql as $$
begin
  return exists (select from blocks b where b.blocked_id = p_user and b.blocker_id in (c.lo, c.hi));
end
$$;

-- All with whom the user has a block, whoever made it.
create or replace function blocked_with(p_user bigint) returns bigint[] stable language plpgsql as $$
begin
  return array(
    select b.blocked_id from blocks b where b.blocker_id = p_user union all select b.blocker_id from blocks b where b.blocked_id = p_user
  );
end
$$;
