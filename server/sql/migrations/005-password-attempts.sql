-- Wrong passwords, and from where accounts were entered with the right one: see functions/count-attempt.sql. On disk for all nodes, so that
-- neither another node nor a restart begins anew.
create table password_attempts (
  name text collate "C" primary key,               -- who or what is counted; nothing in it can be read back (accounts/attempt-store.ts)
  failures int not null default 0,                 -- wrong passwords; forgotten after a day without one
  last_at timestamptz not null,                    -- of the last attempt that was judged
  known boolean not null default false             -- a device or network from which the owner has logged in
) with (fillfactor = 70);
create index password_attempts_age on password_attempts (last_at);
