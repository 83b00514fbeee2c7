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
