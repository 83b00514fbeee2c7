-- KEYS  presence:nodes
-- ARGV  node, '1' when the node itself asks, which is dead from now on
-- Gives 1 when the node is dead, 0 when it lives.

if ARGV[2] == '1' then redis.call('ZADD', KEYS[1], 'XX', 0, ARGV[1]) end
return alive(ARGV[1]) and 0 or 1
