-- The time of a message: now, or, where the clock was set back, the newest that was given out, so that by time and id messages are in order.
-- Costs no wait and no row; it is written down when 50 ms have passed. A clock that was wrong by more than a day is not followed.
create or replace function next_message_time() returns timestamptz language plpgsql as $$
declare
  at timestamptz := clock_timestamp();
  us bigint := (extract(epoch from at) * 1000000)::bigint;
  newest bigint := coalesce(pg_sequence_last_value('message_times'), 0);
begin
  if us > newest or us < newest - 86400000000 then
    perform setval('message_times', us + 50000);
  elsif us < newest - 50000 then
    return to_timestamp(newest / 1000000.0);
  end if;
  return at;
end
$$;
