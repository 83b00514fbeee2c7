-- Stands in front of the scripts for a standalone Redis.
-- KEYS  presence:nodes, online:users, presence:node:<the node that is spoken of>
-- The names of users' own keys are made here.

typed(KEYS[2], 'set')
typed(KEYS[3], 'set')

local function flag(user) return 'online:' .. user end
local function nodesOf(user) return typed('presence:user:' .. user, 'set') end

-- Whether a living node has the user; others are struck off the user's list.
local function held(user)
  local key = nodesOf(user)
  local found = false
  for _, node in ipairs(redis.call('SMEMBERS', key)) do
    if alive(node) then found = true else redis.call('SREM', key, node) end
  end
  return found
end

-- Takes the user off a node; true when no other one has the user, who is offline then.
local function release(user, node)
  redis.call('SREM', nodesOf(user), node)
  if held(user) then return false end
  redis.call('DEL', flag(user))
  redis.call('SREM', KEYS[2], user)
  return true
end
