-- No message has a time before that of an earlier one, whatever the machine's clock does: see functions/next-message-time.sql.
create sequence message_times as bigint;           -- microseconds since 1970, at most 50 ms ahead of the newest time that was given out
