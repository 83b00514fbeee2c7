-- KEYS  a set of users' ids
-- ARGV  cursor ('0' to begin), how many at most (about)
-- Gives the next cursor ('0': through), how many are in the set, then a part of its members; what is no id leaves it.

local part = redis.call('SSCAN', typed(KEYS[1], 'set'), ARGV[1], 'COUNT', ARGV[2])
local answer = { part[1], 0 }
for _, user in ipairs(part[2]) do
  if isId(user) then table.insert(answer, user) else redis.call('SREM', KEYS[1], user) end
end
answer[2] = redis.call('SCARD', KEYS[1])
return answer
