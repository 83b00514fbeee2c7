-- Where the time line began that is being written, if another one was before it; see begin_timeline().
alter table installation
  add column timeline_xid xid8,                    -- its first transaction
  add column timeline_message_id bigint;           -- the last message that was before it
