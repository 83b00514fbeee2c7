-- KEYS  presence:user:<user>
-- ARGV  nodes that have the user no more
-- Gives those that still have the user.

typed(KEYS[1], 'set')
if #ARGV > 0 then redis.call('SREM', KEYS[1], unpack(ARGV)) end
return redis.call('SMEMBERS', KEYS[1])
