-- MARK, also KILL: versions up to n may be committed from now on.
-- KEYS: entries, then counters. ARGV: epoch, then n of each entry. Returns the number of entries.
-- An entry that is there gets pend = max(pend, n) and loses its lease; one of another epoch, or that is none, is deleted. Counters rise.
local zeros = string.rep('\0', 8)
local entries = #ARGV - 1
for i = 1, entries do
  local key = KEYS[i]
  local h, isThere = header(key, ARGV[1])
  if h then
    local n = tonumber(ARGV[i + 1])
    if struct.unpack('>I8', h, 16) < n then redis.call('SETRANGE', key, 15, struct.pack('>I8', n)) end
    redis.call('SETRANGE', key, 25, zeros)
  elseif isThere then
    redis.call('DEL', key)
  end
end
-- One that is not there need not begin: whoever looks does that, with a number that nobody has seen.
for i = entries + 1, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 and type(redis.pcall('INCR', KEYS[i])) ~= 'number' then redis.call('DEL', KEYS[i]) end
end
return entries
