-- Counts one more in the window of a key, which begins with the first.
-- KEYS: the count. ARGV: length of a window in ms. Out: the count, and for how many ms more it holds.
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return { count, left }
