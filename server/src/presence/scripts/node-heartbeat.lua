-- A registered node says that it lives, and hears who does not.
-- ARGV  node, ms until it must be heard of again
-- Gives 1, or 0 when the node is not registered or was silent for too long, in which case nothing changes; then up to ten other
-- nodes whose time is over.

local answer = { 0 }
if registered(ARGV[1]) then
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
  answer[1] = 1
end
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 11)) do
  if node ~= ARGV[1] and #answer <= 10 then table.insert(answer, node) end
end
return answer
