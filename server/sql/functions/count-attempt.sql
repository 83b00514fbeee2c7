-- Counts an attempt to prove a password, before it is judged, or says that it has to wait.
-- In: p_account: whose password; p_network: from where, null within a session; p_devices: what may show that it is the owner's own device or network. The first of those
--     that is known is counted alone, so nobody else's guesses keep the owner out. p_free: wrong passwords that cost nothing.
-- Out: counted: what was counted, to be taken back if it was not wrong; null and the seconds to wait: it must not be judged.
-- From p_free on each wrong password doubles the wait: of an account and a device up to 15 minutes, of a network, which ten times as many may
-- use and whose others must get in, up to 10 seconds. An attempt that must wait does not count. A clock that was set back makes nobody wait longer.
create or replace function count_attempt(
  p_account text, p_network text, p_devices text[], p_free int, out counted text[], out wait_seconds float8
) language plpgsql as $$
declare
  at timestamptz := clock_timestamp();
begin
  counted := coalesce(
    (select array[a.name] from password_attempts a where a.name = any(p_devices) and a.known order by array_position(p_devices, a.name) limit 1),
    array_remove(array[p_account, p_network], null));
  insert into password_attempts (name, last_at) select n, '-infinity' from unnest(counted) n order by n on conflict do nothing;
  -- Attempts side by side count one after another.
  perform from password_attempts a where a.name = any(counted) order by a.name for update;
  at := clock_timestamp();
  select coalesce(max(w.delay - greatest(0, least(w.delay, extract(epoch from at - a.last_at)))), 0)
  into wait_seconds
  from password_attempts a
    cross join lateral (select a.name is not distinct from p_network as is_network) n
    cross join lateral (select p_free * case when n.is_network then 10 else 1 end as free) f
    cross join lateral (
      select case when a.failures < f.free then 0
        else least(2 ^ least(a.failures - f.free, 20), case when n.is_network then 10 else 900 end) end as delay
    ) w
  where a.name = any(counted) and a.last_at > at - interval '1 day';
  if wait_seconds > 0 then
    counted := null;
    return;
  end if;
  update password_attempts a set failures = case when a.last_at > at - interval '1 day' then a.failures else 0 end + 1, last_at = at
  where a.name = any(counted);
end
$$;
