-- Of a message's extras also mentions: [user, …], and forwarded_from: who wrote it first. Messages that mention somebody are few.
create index messages_mentions on messages (conversation_id, seq) where extras ? 'mentions';
