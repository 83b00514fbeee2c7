-- Who is in, who is not in yet, and who is shut out.
alter table users add column state text not null default 'open' check (state in ('open', 'waiting', 'disabled'));
-- The first server enforced no role, so none that came from there counts.
update users set role = 'user' where role not in ('administrator', 'moderator', 'user', 'bot');
alter table users add check (role in ('administrator', 'moderator', 'user', 'bot'));
create index users_staff on users (role) where role in ('administrator', 'moderator');

-- Links by which people make accounts; known by their hashes.
create table account_invites (
  id bigint generated always as identity primary key,
  token_hash text collate "C" not null unique,     -- lower-case hex SHA-256 of the token
  note text not null default '',
  role text not null default 'user',               -- of who comes in by it
  group_id bigint references groups on delete set null, -- is joined with it
  created_by bigint references users,              -- null: whoever has the server
  created_at timestamptz not null default now(),
  expires_at timestamptz,                          -- null: never
  max_uses int,                                    -- null: any number
  used_count int not null default 0,
  revoked_at timestamptz
);

-- Links that prove who opens them, such as one that sets a new password; gone when used.
create table account_links (
  token_hash text collate "C" primary key,         -- lower-case hex SHA-256 of the token
  user_id bigint not null references users on delete cascade,
  expires_at timestamptz not null
);
create index account_links_user on account_links (user_id);

-- Whose sessions have ended, whoever ended them: every node looks here twice per second. They matter for a minute, so a crash may take them.
create unlogged table session_ends (
  id bigint generated always as identity primary key,
  user_id bigint not null,
  at timestamptz not null default clock_timestamp()
);
create function tell_session_end() returns trigger language plpgsql as 'begin end';
create trigger sessions_ended after update of revoked_at on sessions for each row
  when (old.revoked_at is null and new.revoked_at is not null) execute function tell_session_end();
create trigger users_shut after update of state, deleted_at on users for each row
  when (new.state <> 'open' or new.deleted_at is not null) execute function tell_session_end();
