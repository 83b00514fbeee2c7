-- FILL: stores a value under a lease that still holds.
-- KEYS: the entry. ARGV: epoch, token, the whole new entry, TTL in ms. Returns 1 when stored, 0 when refused.
local h = redis.pcall('GETRANGE', KEYS[1], 0, 47)
if type(h) ~= 'string' or #h < 48 or string.sub(h, 1, 1) ~= '\221' then return 0 end
if struct.unpack('>I4', h, 44) ~= tonumber(ARGV[1]) or string.sub(h, 26, 33) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
