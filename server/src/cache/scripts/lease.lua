-- LEASE: the right to fill an entry, or its value if it can be served.
-- KEYS: the entry. ARGV: epoch, token (8 bytes), for how many ms, lowest version that may be served, most bytes of a value, 1 = refill.
-- Returns the entry when servable (and no refill is asked for), 1 when granted, 0 when another holds the lease.
-- What is absent, of another epoch, too long or no entry becomes an entry without a body, which only the token's holder can fill.
local key, epoch = KEYS[1], tonumber(ARGV[1])
local h = header(key, epoch)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local until_ms = now + tonumber(ARGV[3])
if h and redis.call('STRLEN', key) <= tonumber(ARGV[5]) then
  local ver = struct.unpack('>I8', h, 7)
  if string.byte(h, 48) == 0xc3 and ver == struct.unpack('>I8', h, 16) and ver >= tonumber(ARGV[4]) and ARGV[6] ~= '1' then return redis.call('GET', key) end
  -- An end beyond that of a lease of this moment is no lease's: the clock has gone back, or the bytes are not ours.
  local ends = struct.unpack('>I8', h, 35)
  if string.sub(h, 26, 33) ~= string.rep('\0', 8) and ends > now and ends <= until_ms then return 0 end
  redis.call('SETRANGE', key, 25, ARGV[2] .. '\207' .. struct.pack('>I8', until_ms))
  return 1
end
redis.call('SET', key, '\221\0\0\0\6' .. '\207' .. struct.pack('>I8', 0) .. '\207' .. struct.pack('>I8', 0) .. '\196\8' .. ARGV[2]
  .. '\207' .. struct.pack('>I8', until_ms) .. '\206' .. struct.pack('>I4', epoch) .. '\194', 'PX', 2 * tonumber(ARGV[3]))
return 1
