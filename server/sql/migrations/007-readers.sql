-- Of a group: rises with every read position that moves, which is no change of the conversation itself (ver).
alter table conversations add column read_ver bigint not null default 0;
