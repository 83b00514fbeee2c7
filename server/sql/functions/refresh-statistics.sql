-- What the planner knows of the tables. PostgreSQL keeps it fresh by itself, the embedded database does not.
create or replace function refresh_statistics() returns void language plpgsql as $$
begin
  analyze;
end
$$;
