-- Stands in front of every script that knows the nodes.
-- KEYS  presence:nodes first

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

typed(KEYS[1], 'zset')

-- Registered, and not silent for too long. Once it is not it never is again: names are used once.
local function alive(node)
  local deadline = redis.call('ZSCORE', KEYS[1], node)
  return deadline and tonumber(deadline) > now
end
