-- Takes users off a node.
-- ARGV  node, then ids of users
-- Gives the ids of those whom no living node has, whether they were known before or not.

local gone = {}
for i = 2, #ARGV do
  redis.call('SREM', KEYS[3], ARGV[i])
  if release(ARGV[i], ARGV[1]) then table.insert(gone, ARGV[i]) end
end
return gone
