-- Who is connected to which node, of nodes that share no Redis. A crash may take both tables: the nodes write them again.
create unlogged table presence_nodes (
  node text collate "C" primary key,
  alive_until timestamptz not null                 -- must be heard of until then
) with (fillfactor = 50);
create unlogged table presence (
  user_id bigint,
  node text collate "C",
  primary key (user_id, node)
);
create index presence_node on presence (node);
