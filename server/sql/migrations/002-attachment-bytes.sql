-- How much each person keeps here, for quotas. What was uploaded before counts as nothing.
alter table attachments
  add owner_id bigint not null generated always as (split_part(key, '/', 2)::bigint) stored,
  add bytes bigint not null default 0;
create index attachments_owner on attachments (owner_id) include (bytes);
