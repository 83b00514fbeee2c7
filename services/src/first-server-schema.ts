/** How the first server's database came to be: by its ORM alone, or with the three hand-written migrations applied before. */
export type FirstServerVariant = "orm" | "migrations";

const model = "id bigserial primary key, created_at timestamptz, updated_at timestamptz, deleted_at timestamptz";

const common = `
create table users (
  ${model},
  username text not null, email text not null, password_hash text not null, full_name text, avatar text, avatar_key text,
  avatar_content_type text, avatar_size_bytes bigint, avatar_updated_at timestamptz, avatar_etag text,
  role text not null default 'user', is_online boolean default false, last_seen timestamptz
);
create unique index idx_users_username on users (username);
create unique index idx_users_email on users (email);
create index idx_users_deleted_at on users (deleted_at);
create table groups (
  ${model},
  name varchar(100) not null, description varchar(255), icon text,
  creator_id bigint not null constraint fk_groups_creator references users,
  is_public boolean default false, handle varchar(32)
);
create index idx_groups_deleted_at on groups (deleted_at);
create table group_members (
  group_id bigint constraint fk_groups_members references groups,
  user_id bigint constraint fk_users_group_members references users,
  role varchar(20) default 'member', joined_at timestamptz,
  primary key (group_id, user_id)
);
create table messages (
  ${model},
  client_id varchar(36) not null,
  sender_id bigint not null constraint fk_users_messages references users,
  recipient_id bigint,
  group_id bigint constraint fk_messages_group references groups,
  content text not null, message_type varchar(20) default 'text', status varchar(20) default 'pending',
  is_delivered boolean default false, is_read boolean default false, delivered_at timestamptz, read_at timestamptz,
  version bigint default 1, is_encrypted boolean default false
);
create unique index idx_client_sender on messages (client_id, sender_id);
create index idx_sender_created on messages (sender_id);
create index idx_recipient_created on messages (recipient_id);
create index idx_group_created on messages (group_id);
create index idx_conversation on messages (sender_id, recipient_id);
create index idx_messages_status on messages (status);
create index idx_messages_deleted_at on messages (deleted_at);
create table refresh_tokens (
  ${model},
  user_id bigint not null constraint fk_refresh_tokens_user references users on update cascade on delete cascade,
  token_hash text not null, expires_at timestamptz not null, revoked_at timestamptz
);
create unique index idx_refresh_tokens_token_hash on refresh_tokens (token_hash);
create index idx_refresh_tokens_user_id on refresh_tokens (user_id);
create table pending_messages (
  ${model},
  user_id bigint not null,
  message_id bigint not null constraint fk_pending_messages_message references messages,
  attempts bigint default 0, last_attempt timestamptz, next_retry timestamptz, priority bigint default 0, payload text
);
create index idx_pending_user_priority on pending_messages (user_id, priority);
`;

const byOrm = `
create unique index idx_groups_handle on groups (handle);
create table group_invite_links (
  ${model},
  group_id bigint not null constraint fk_group_invite_links_group references groups,
  token varchar(64) not null,
  created_by bigint not null constraint fk_group_invite_links_creator references users,
  expires_at timestamptz, max_uses bigint, used_count bigint default 0, revoked_at timestamptz
);
create unique index idx_group_invite_links_token on group_invite_links (token);
create table group_read_states (
  group_id bigint, user_id bigint, last_read_message_id bigint not null default 0, created_at timestamptz, updated_at timestamptz,
  primary key (group_id, user_id)
);
create table app_versions (
  id bigserial primary key, platform varchar(20) not null, version varchar(20) not null, build_number bigint not null,
  download_url text not null, changelog text, force_update boolean default false, min_supported_build bigint default 0,
  is_active boolean default true, release_date timestamptz default current_timestamp, created_at timestamptz,
  updated_at timestamptz
);
create unique index idx_platform_build on app_versions (build_number);
`;

const byMigrations = `
alter table groups alter is_public set not null;
create unique index idx_groups_handle on groups (handle) where handle is not null;
create table group_invite_links (
  ${model},
  group_id bigint not null references groups on delete cascade,
  token varchar(64) not null unique,
  created_by bigint not null references users on delete cascade,
  expires_at timestamptz, max_uses int, used_count int not null default 0, revoked_at timestamptz
);
create table group_read_states (
  group_id bigint, user_id bigint, last_read_message_id bigint not null default 0,
  created_at timestamp not null default now(), updated_at timestamp not null default now(),
  primary key (group_id, user_id)
);
create index idx_group_read_states_user on group_read_states (user_id);
create table app_versions (
  id serial primary key, platform varchar(20) not null check (platform in ('android', 'ios', 'web')),
  version varchar(20) not null, build_number int not null check (build_number > 0), download_url text not null,
  changelog text, force_update boolean not null default false,
  min_supported_build int not null default 0 check (min_supported_build >= 0), is_active boolean not null default true,
  release_date timestamp not null default current_timestamp, created_at timestamp not null default current_timestamp,
  updated_at timestamp not null default current_timestamp,
  unique (platform, build_number)
);
create unique index idx_active_version on app_versions (platform) where is_active;
insert into app_versions (platform, version, build_number, download_url, release_date, created_at, updated_at)
values ('android', '1.0.0', 1, 'https://example.org/om.apk', '2026-01-02 03:04:05', '2026-01-02 03:04:05', '2026-01-02 03:04:05');
`;

/** The first server's tables and indexes in an empty database. */
export function firstServerSchema(variant: FirstServerVariant): string {
  return common + (variant === "orm" ? byOrm : byMigrations);
}

/** Fills that database with ordinary rows: a quarter of the messages in groups, the rest between neighbours. */
export function firstServerRows({ users, messages }: { users: number; messages: number }): string {
  const groups = Math.max(1, Math.floor(users / 50));
  return `
insert into users (created_at, updated_at, username, email, password_hash, full_name, avatar, is_online, last_seen)
select now(), now(), 'User_' || i, 'user' || i || '@example.org', '$2a$10$' || repeat('x', 53), 'User number ' || i, '', i % 9 = 0, now()
from generate_series(1, ${users}) i;
insert into groups (created_at, updated_at, name, description, icon, creator_id, is_public, handle)
select now(), now(), 'Group ' || i, '', '', i, i % 2 = 0, case when i % 2 = 0 then 'group_' || i end
from generate_series(1, ${groups}) i;
insert into group_members (group_id, user_id, role, joined_at)
select g, 1 + (g - 1 + n * 7) % ${users}, case when n = 0 then 'admin' else 'member' end, now()
from generate_series(1, ${groups}) g, generate_series(0, 29) n on conflict do nothing;
insert into group_read_states (group_id, user_id, last_read_message_id, created_at, updated_at)
select group_id, user_id, (user_id * 7919) % ${messages}, now(), now() from group_members;
insert into messages (created_at, updated_at, client_id, sender_id, recipient_id, group_id, content, status, is_delivered, is_read)
select now() - make_interval(secs => ${messages} - i::int), now(), gen_random_uuid()::text, m.sender,
  case when i % 4 > 0 then 1 + (m.sender + i / 97 % 20) % ${users} end,
  case when i % 4 = 0 then m.in_group end,
  'message ' || i || ' ' || repeat('lorem ipsum ', 1 + (i % 10)::int),
  case when i % 10 < 8 then 'read' else 'sent' end, i % 10 < 8, i % 10 < 8
from generate_series(1::bigint, ${messages}) i, lateral (
  select 1 + (i * 7919 % ${groups}) as in_group,
    case when i % 4 > 0 then 1 + (i * 104729) % ${users} else 1 + (i * 7919 % ${groups} + (i % 30) * 7) % ${users} end as sender) m;
insert into pending_messages (created_at, user_id, message_id, deleted_at)
select now(), recipient_id, id, case when id % 3 = 0 then now() end
from messages where status = 'sent' and recipient_id is not null and id % 4 = 1;
insert into refresh_tokens (created_at, updated_at, user_id, token_hash, expires_at, revoked_at)
select now(), now(), 1 + i % ${users}, encode(sha256(convert_to('token ' || i, 'UTF8')), 'hex'), now() + interval '7 days',
  case when i % 3 > 0 then now() end
from generate_series(1, ${users} * 3) i;
analyze`;
}

/** Makes some of those rows as odd as they may be in a database of the first server. */
export const firstServerOddities = `
update users set username = 'USER_' || id - 1 where id % 500 = 0;
update users set email = 'Somebody <user' || id || '@example.org>' where id % 700 = 0;
update users set email = 'USER' || id - 1 || '@example.org' where id % 800 = 0;
update users set deleted_at = now() where id % 900 = 0;
update groups set deleted_at = now() where id % 50 = 0;
update messages set recipient_id = 1000000000 where id % 10000 = 1;
update messages set group_id = 1 where id % 10000 = 2;
update messages set deleted_at = now() where id % 10000 = 3;
update messages set client_id = '' where id in (select min(id) from messages where sender_id % 100 = 0 group by sender_id);
analyze`;
