-- KEYS  a set
-- ARGV  its life from now on in ms (0: it has none), then members
-- Gives the members that were not in it.

typed(KEYS[1], 'set')
local added = {}
for i = 2, #ARGV do
  if redis.call('SADD', KEYS[1], ARGV[i]) == 1 then table.insert(added, ARGV[i]) end
end
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return added
