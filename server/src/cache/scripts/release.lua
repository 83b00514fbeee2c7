-- RELEASE: gives a lease back, so that the next reader need not wait for its end.
-- KEYS: the entry. ARGV: token. Returns 1 when given back, 0 when it was nobody's or another's by now.
local h = header(KEYS[1])
if not h or string.sub(h, 26, 33) ~= ARGV[1] then return 0 end
redis.call('SETRANGE', KEYS[1], 25, string.rep('\0', 8))
return 1
