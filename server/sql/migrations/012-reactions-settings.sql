-- What a message has beside its text; null: nothing. reactions: [[emoji, [user, …]], …], the first that was given first, as the table below has
-- them; [] when they were taken back.
alter table messages add column extras jsonb;
drop index messages_changed;
create index messages_changed on messages (conversation_id, ver)
  where edited_at is not null or deleted_at is not null or extras ? 'reactions';
-- One of each person to a message.
create table reactions (
  message_id bigint not null references messages on delete cascade,
  user_id bigint not null references users on delete cascade,
  emoji text collate "C" not null,
  reacted_at timestamptz not null default clock_timestamp(),
  primary key (message_id, user_id)
);
create index reactions_user on reactions (user_id);

-- How this user keeps the conversation: pinned, archived, muted_until; null: as usual.
alter table participants add column settings jsonb;
create constraint trigger guard_settings after update of settings on participants deferrable initially deferred
  for each row when (current_setting('om.marked', true) is distinct from '1') execute function invalidate_unmarked();
