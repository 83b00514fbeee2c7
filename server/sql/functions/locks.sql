-- Lock of an object's name. Locks of one transaction are taken in ascending order, before anything is read.
create or replace function lock_number(name text) returns bigint immutable parallel safe language sql as $$
  select hashtextextended(name, 0)
$$;

-- Locks of objects by their names, those of null left out.
create or replace function lock_objects(p_names text[]) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(l.key)
  from (select distinct lock_number(n.name) as key from unnest(p_names) as n(name) order by 1) l;
end
$$;

-- What the lock of a conversation and its entry in the cache are called.
create or replace function conversation_key(c conversations) returns text immutable language sql as $$
  select case when c.lo is null then 'group:' || c.group_id else 'conv:' || c.lo || ':' || c.hi end
$$;

-- Locks a conversation, of a direct one both users' lists, and the list of p_user, in ascending order; then returns its row.
create or replace function lock_conversation(p_conversation bigint, p_user bigint default null) returns conversations language plpgsql as $$
declare
  c conversations;
begin
  select * into c from conversations where id = p_conversation;
  perform lock_objects(array[conversation_key(c), 'user:' || c.lo, 'user:' || c.hi, 'user:' || p_user]);
  select * into c from conversations where id = p_conversation;
  return c;
end
$$;
