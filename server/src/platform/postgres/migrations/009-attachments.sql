-- Which attachments were uploaded under this database, so that those that no message names can be removed. Nothing else is ever
-- removed from the storage: it may hold what another database knows.
create table attachments (
  key text primary key,                            -- attachments/<user>/<uuid>.<extension>
  uploaded_at timestamptz not null,
  check_at timestamptz not null                    -- when to look next whether a message names it
);
create index attachments_check on attachments (check_at);
