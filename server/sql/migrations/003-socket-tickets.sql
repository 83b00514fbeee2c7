-- Tickets that open one socket each, so that no token stands in its address. Known by their hashes; they last seconds, so a crash may take them.
create unlogged table socket_tickets (
  ticket_hash text collate "C" primary key,        -- lower-case hex SHA-256 of the ticket
  session_id bigint not null references sessions on delete cascade,
  expires_at timestamptz not null
);
create index socket_tickets_session on socket_tickets (session_id);
