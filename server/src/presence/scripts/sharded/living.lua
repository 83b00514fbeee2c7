-- KEYS  presence:nodes
-- Gives the nodes that are registered and not silent for too long.

return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%d', now), '+inf')
