-- Registers a node, which has no users yet.
-- ARGV  node, ms until it must be heard of again
-- Gives 1.

redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return 1
