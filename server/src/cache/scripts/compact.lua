-- COMPACT: replaces a value by a shorter one of the same version.
-- KEYS: the entry. ARGV: epoch, version, the whole new entry, TTL in ms. Returns 1 when replaced, 0 when the entry has moved on.
local h = header(KEYS[1], ARGV[1])
if not h or string.byte(h, 48) ~= 0xc3 then return 0 end
local ver, pend = struct.unpack('>I8', h, 7), struct.unpack('>I8', h, 16)
if ver ~= tonumber(ARGV[2]) or ver ~= pend then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
