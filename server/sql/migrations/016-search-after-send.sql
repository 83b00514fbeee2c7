-- Messages become searchable soon after they were sent, not with it: a send pays nothing for it; see index-messages.sql.
drop index messages_search;

create table searchable_messages (
  message_id bigint primary key,
  conversation_id bigint not null,
  seq bigint not null,
  content text not null
);

-- Up to where that has come in a conversation.
create table search_progress (
  conversation_id bigint primary key,
  seq bigint not null
) with (fillfactor = 60);

-- Up to which id messages have been looked through by now, and by the time before.
create table search_position (
  is_only boolean primary key default true check (is_only),
  last_id bigint not null,
  previous_id bigint not null
) with (fillfactor = 20);

insert into searchable_messages
select m.id, m.conversation_id, m.seq, m.content from messages m where m.message_type = 'text' and m.deleted_at is null and m.content <> '';
insert into search_progress select c.id, c.seq from conversations c where c.seq > 0;
insert into search_position (last_id, previous_id) select coalesce(max(m.id), 0), coalesce(max(m.id), 0) from messages m;
-- Every search reads the pending list through.
create index searchable_messages_terms on searchable_messages using gin (message_terms(conversation_id, seq, content))
  with (gin_pending_list_limit = 64);
