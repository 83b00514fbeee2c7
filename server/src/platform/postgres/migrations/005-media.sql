-- Attachments belong to whoever uploaded them, which their key says, and to the readers of the messages that name them.

-- The key at the end of a message's content, such as attachments/7/<uuid>.png; null when the content is something else.
create function attachment_key(content text) returns text language sql immutable parallel safe as $$
  select substring(content from '/media/(attachments/[0-9]+/[0-9a-f-]{36}\.[a-z0-9]{1,10})$')
$$;

create index messages_attachment on messages (attachment_key(content)) where message_type <> 'text';
