-- Puts users on a node. Done again and again: it keeps their keys alive and repairs what was evicted or deleted.
-- ARGV  node, life of a user's keys in ms, then ids of users, one at least
-- Gives 1, or 0 when the node is not registered or was silent for too long, in which case nothing changes; then the ids of those who
-- were not in online:users.

if not registered(ARGV[1]) then return { 0 } end
local users = { unpack(ARGV, 3) }
local known = redis.call('SMISMEMBER', KEYS[2], unpack(users))
local answer = { 1 }
for i, user in ipairs(users) do
  local nodes = userNodesKey(user)
  -- Asking for the type of each would cost more than all the rest.
  if type(redis.pcall('SADD', nodes, ARGV[1])) ~= 'number' then redis.call('SADD', expectType(nodes, 'set'), ARGV[1]) end
  redis.call('PEXPIRE', nodes, ARGV[2])
  redis.call('SET', onlineKey(user), '1', 'PX', ARGV[2])
  if known[i] == 0 then table.insert(answer, user) end
end
if #answer > 1 then count() end
redis.call('SADD', KEYS[3], unpack(users))
redis.call('SADD', KEYS[2], unpack(users))
return answer
