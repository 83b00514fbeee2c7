create or replace function tell_session_end() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'users' then
    insert into session_ends (user_id) values (new.id);
  else
    insert into session_ends (user_id) values (new.user_id);
  end if;
  return null;
end
$$;
