-- KEYS  a set of users' ids
-- ARGV  how many at most
-- Gives some of its members; what is no id leaves it.

local answer = {}
for _, user in ipairs(redis.call('SRANDMEMBER', typed(KEYS[1], 'set'), ARGV[1])) do
  if isId(user) then table.insert(answer, user) else redis.call('SREM', KEYS[1], user) end
end
return answer
