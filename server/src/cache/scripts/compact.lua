-- COMPACT: replaces a value by a shorter one of the same version.
-- KEYS: the entry. ARGV: epoch, version, the whole new entry, TTL in ms. Returns 1 when replaced, 0 when the entry has moved on.
local h = redis.pcall('GETRANGE', KEYS[1], 0, 47)
if type(h) ~= 'string' or #h < 48 or string.sub(h, 1, 1) ~= '\221' or string.byte(h, 48) ~= 0xc3 or struct.unpack('>I4', h, 44) ~= tonumber(ARGV[1]) then return 0 end
local ver = struct.unpack('>I8', h, 7)
if ver ~= tonumber(ARGV[2]) or ver ~= struct.unpack('>I8', h, 16) then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
