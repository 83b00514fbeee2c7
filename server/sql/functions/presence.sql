-- Who is connected to which node, for nodes without a Redis; the same calls as src/presence/scripts has for Redis. Whoever writes waits for its
-- turn: two nodes that take off the same user side by side would each still see the other's row, and nobody would tell that the user went.

-- Registered, and not silent for too long. Once it is not it never is again: names are used once.
create or replace function is_node_alive(p_node text) returns boolean stable language sql as $$
  select exists (select from presence_nodes n where n.node = p_node and n.alive_until > clock_timestamp())
$$;

-- Puts users on a node; gives those who were nowhere before. Null: the node is not registered, and nobody was added.
create or replace function add_presence(p_node text, p_users bigint[]) returns bigint[] language plpgsql as $$
declare
  came bigint[];
begin
  perform pg_advisory_xact_lock(lock_number('presence'));
  if not is_node_alive(p_node) then
    return null;
  end if;
  came := array(select u from unnest(p_users) u where not exists (select from presence p where p.user_id = u));
  insert into presence (user_id, node) select u, p_node from unnest(p_users) u on conflict do nothing;
  return came;
end
$$;

-- Takes users off a node; gives those whom no living node has, whether they were there before or not.
create or replace function remove_presence(p_node text, p_users bigint[]) returns bigint[] language plpgsql as $$
begin
  perform pg_advisory_xact_lock(lock_number('presence'));
  delete from presence p where p.user_id = any(p_users) and (p.node = p_node or not is_node_alive(p.node));
  return array(select u from unnest(p_users) u where not exists (select from presence p where p.user_id = u));
end
$$;

-- Takes some users off a node that is dead or leaves by itself (p_own), and strikes it out once it has none. Whoever calls it, each user is given once.
create or replace function reap_presence(p_node text, p_own boolean, p_limit int, out more boolean, out gone bigint[]) language plpgsql as $$
declare
  users bigint[];
begin
  perform pg_advisory_xact_lock(lock_number('presence'));
  more := false;
  gone := '{}';
  if p_own then
    update presence_nodes set alive_until = '-infinity' where node = p_node;
  elsif is_node_alive(p_node) then
    return;
  end if;
  users := array(select p.user_id from presence p where p.node = p_node limit p_limit);
  gone := remove_presence(p_node, users);
  more := cardinality(users) = p_limit;
  if not more then
    delete from presence_nodes where node = p_node;
  end if;
end
$$;
