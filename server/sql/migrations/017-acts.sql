-- The audit log: what somebody in charge did. An act is written in the transaction of what it tells of, without a lock; a single writer gives it its
-- number and chains it to the one before, within a second.
create table acts (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor_id bigint,                                 -- null: whoever has the server
  origin text not null,                            -- the address that it came from
  act text not null,
  user_id bigint,                                  -- to whom or what it was done
  group_id bigint,
  details text not null,                           -- JSON as it was written; "": nothing more
  nr bigint unique,                                -- 1, 2, 3 without gaps; null: not chained yet
  before text collate "C",                         -- the hash of the act before
  hash text collate "C"                            -- lower-case hex SHA-256 over `before` and this one; see acts/chain-acts.ts
);
create index acts_unchained on acts (id) where nr is null;
create function keep_acts() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is only added to';
end
$$;
create trigger acts_kept before update or delete on acts for each row when (old.nr is not null) execute function keep_acts();

-- What the newest act was at some time, signed with a key that the database does not have.
create table act_seals (
  nr bigint primary key,
  hash text not null,
  sealed_at timestamptz not null default now(),
  signature text not null
);

-- Checksums of messages, made when those are at least a minute old; see messages/cover-history.ts. Each row is of up to 512 messages.
create table message_sums (
  last_id bigint primary key,
  ids bigint[] not null,
  vers bigint[] not null,                          -- messages.ver then: what has another by now was changed by somebody who may
  sums text not null,                              -- 16 hexadecimal digits each
  signature text not null
);
