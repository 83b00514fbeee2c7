-- Stands in front of every script.
-- KEYS  presence:nodes, online:users, presence:node:<node>, in a cluster with a hash tag in front
-- ARGV  the node that is spoken of first
-- The names of users' own keys are made here, with the same hash tag.

local tag = string.sub(KEYS[1], 1, -1 - #'presence:nodes')
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- What has one of our names and another type is not ours, whoever made it: it makes room.
local function expectType(key, kind)
  local is = redis.call('TYPE', key).ok
  if is ~= kind and is ~= 'none' then redis.call('DEL', key) end
  return key
end

expectType(KEYS[1], 'zset')
expectType(KEYS[2], 'set')
expectType(KEYS[3], 'set')

local function onlineKey(user) return tag .. 'online:' .. user end
local function userNodesKey(user) return tag .. 'presence:user:' .. user end

-- Registered, and not silent for too long. Once it is not it never is again: names are used once.
local function registered(node)
  local deadline = redis.call('ZSCORE', KEYS[1], node)
  return deadline and tonumber(deadline) > now
end

-- Whether a living node has the user; others are struck off the user's list.
local function hasLivingNode(user)
  local key = expectType(userNodesKey(user), 'set')
  local found = false
  for _, node in ipairs(redis.call('SMEMBERS', key)) do
    if registered(node) then found = true else redis.call('SREM', key, node) end
  end
  return found
end

-- Who is connected has changed. A counter that is not there need not begin: whoever looks does that, with a number that nobody has seen.
local function count()
  local key = tag .. 'presence:ver'
  if redis.call('EXISTS', key) == 1 and type(redis.pcall('INCR', key)) ~= 'number' then redis.call('DEL', key) end
end

-- Takes the user off a node; true when no other one has the user, who is offline then.
local function release(user, node)
  redis.call('SREM', expectType(userNodesKey(user), 'set'), node)
  if hasLivingNode(user) then return false end
  redis.call('DEL', onlineKey(user))
  redis.call('SREM', KEYS[2], user)
  count()
  return true
end
