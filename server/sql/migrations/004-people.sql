-- How far the blocked one knew the blocker to have read and received their direct messages when the block was made; message ids. It stays
-- at that while the block lasts.
alter table blocks add column read_id bigint not null default 0, add column delivered_id bigint not null default 0;

alter table participants add column banned boolean not null default false; -- an admin has removed the user, and none has added them since

-- Who may add the user to groups; null: the installation's setting says.
alter table users add column who_may_add text check (who_may_add in ('everybody', 'contacts', 'nobody'));

-- What is to be erased: messages of a conversation that nobody can see any more, or all that a closed account has written.
create table erasures (
  id bigint generated always as identity primary key,
  deleted_at timestamptz not null default now(),
  at_once boolean not null default false,          -- else it waits for ERASE_AFTER_DAYS
  conversation_id bigint,
  from_seq bigint,                                 -- what is left of it: above this
  to_seq bigint,                                   -- up to this
  user_id bigint,
  after_client_id text collate "C" not null default '', -- what is left of a user's messages, in the order of their client ids
  check ((conversation_id is null) <> (user_id is null))
);
-- Everything up to here is erased or to be erased.
alter table conversations add column forgotten_seq bigint not null default 0;

-- What a search compares: without case, accents, vowel points, joiners and direction marks, whatever form the text is composed in, and with
-- letters that are typed for each other as one.
create or replace function fold(t text) returns text language sql immutable parallel safe
return translate(
  regexp_replace(
    normalize(lower(normalize(t) collate every_script), nfd),
    '[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]',
    '', 'g'
  ),
  'ςıłøđħيىېكةە', 'σilodhیییکهه'
);
do $$
declare
  index text;
begin
  foreach index in array array['users_search', 'groups_search'] loop
    if to_regclass(index) is not null then
      execute 'reindex index ' || index;
    end if;
  end loop;
end
$$;
