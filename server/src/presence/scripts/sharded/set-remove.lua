-- KEYS  a set
-- ARGV  members
-- Gives how many are left in it, then the members that were in it.

typed(KEYS[1], 'set')
local answer = { 0 }
for _, member in ipairs(ARGV) do
  if redis.call('SREM', KEYS[1], member) == 1 then table.insert(answer, member) end
end
answer[1] = redis.call('SCARD', KEYS[1])
return answer
