-- Takes some users off a node that is dead or leaves, and strikes out the node once it has none. Whoever calls it, each user is
-- given once.
-- ARGV  node, how many users at most, '1' when the node itself asks, alive or not
-- Gives 1 when there may be more, 0 when it is done or the node lives after all; then the ids of those whom no living node has.

if ARGV[3] == '1' then
  redis.call('ZADD', KEYS[1], 'XX', 0, ARGV[1])
elseif registered(ARGV[1]) then
  return { 0 }
end
local answer = { 1 }
local users = redis.call('SPOP', KEYS[3], ARGV[2])
for _, user in ipairs(users) do
  if release(user, ARGV[1]) then table.insert(answer, user) end
end
if #users < tonumber(ARGV[2]) then
  redis.call('ZREM', KEYS[1], ARGV[1])
  answer[1] = 0
end
return answer
