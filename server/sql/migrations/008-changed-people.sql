-- When there was last a change of which a client that comes back is told; null: before there was any cursor.
alter table users add column changed_xid xid8;               -- of what the user is called and looks like
create index users_changed on users (changed_xid) where changed_xid is not null;
alter table groups add column changed_xid xid8;              -- of what the group says of itself
alter table participants add column moved_xid xid8;          -- of a membership in a group: joined, left, another role
create index participants_moved on participants (conversation_id, moved_xid) where moved_xid is not null;
create table block_changes (                                 -- of whom the user has blocked
  user_id bigint primary key,
  changed_xid xid8 not null
);

create function stamp_changed() returns trigger language plpgsql as 'begin end';
create trigger users_changed before update of username, full_name, avatar, role, deleted_at on users for each row
  when ((old.username, old.full_name, old.avatar, old.role, old.deleted_at)
    is distinct from (new.username, new.full_name, new.avatar, new.role, new.deleted_at)) execute function stamp_changed();
create trigger groups_changed before update of name, description, icon, is_public, handle on groups for each row
  when ((old.name, old.description, old.icon, old.is_public, old.handle)
    is distinct from (new.name, new.description, new.icon, new.is_public, new.handle)) execute function stamp_changed();
create function stamp_moved() returns trigger language plpgsql as 'begin end';
create trigger participants_moved before update of left_at, role on participants for each row
  when ((old.left_at is null, old.role) is distinct from (new.left_at is null, new.role)) execute function stamp_moved();
create function stamp_blocks() returns trigger language plpgsql as 'begin end';
create trigger blocks_made after insert on blocks referencing new table as changed for each statement execute function stamp_blocks();
create trigger blocks_ended after delete on blocks referencing old table as changed for each statement execute function stamp_blocks();
