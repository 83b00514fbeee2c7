-- Looks through a part of online:users for those whose own key is gone. Whom a living node has gets it back; the others leave.
-- ARGV  the node that asks, cursor ('0' to begin), how many at most (about), life of a user's keys in ms
-- Gives the next cursor ('0': through), how many are in online:users, then the ids of those who left.

local part = redis.call('SSCAN', KEYS[2], ARGV[2], 'COUNT', ARGV[3])
local gone = {}
for _, user in ipairs(part[2]) do
  if redis.call('EXISTS', onlineKey(user)) == 0 then
    if hasLivingNode(user) then
      redis.call('SET', onlineKey(user), '1', 'PX', ARGV[4])
    else
      redis.call('SREM', KEYS[2], user)
      count()
      table.insert(gone, user)
    end
  end
end
local answer = { part[1], redis.call('SCARD', KEYS[2]) }
for _, user in ipairs(gone) do table.insert(answer, user) end
return answer
