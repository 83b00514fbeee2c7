-- Runs before functions/: a function that is gone, or whose arguments or result have changed, by its old signature.
drop function if exists clear_conversation(bigint, bigint, boolean);
drop function if exists send_batch(bigint[], bigint[], bigint[], text[], text[], text[], bigint[], int);
