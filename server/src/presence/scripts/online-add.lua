-- Puts users on a node. Done again and again: it keeps their keys alive and repairs what was evicted or deleted.
-- ARGV  node, life of a user's keys in ms, then ids of users
-- Gives the ids of those who were not in online:users; null when the node is not registered or was silent for too long, in which
-- case nothing changes.

if not alive(ARGV[1]) then return false end
local came = {}
for i = 3, #ARGV do
  local user = ARGV[i]
  redis.call('SADD', nodesOf(user), ARGV[1])
  redis.call('PEXPIRE', 'presence:user:' .. user, ARGV[2])
  redis.call('SADD', KEYS[3], user)
  redis.call('SET', flag(user), '1', 'PX', ARGV[2])
  if redis.call('SADD', KEYS[2], user) == 1 then table.insert(came, user) end
end
return came
