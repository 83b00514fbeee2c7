-- MARK, also KILL: versions up to n may be committed from now on.
-- KEYS: entries, then counters. ARGV: epoch, then n of each entry. Returns a text with 1 for each entry that has a body, else 0: nothing can be
-- appended to that one, because nobody fills it until the commit.
-- An entry that is there gets pend = max(pend, n) and loses its lease; one of another epoch, or that is none, is deleted. Counters rise.
local noToken = '\196\8\0\0\0\0\0\0\0\0'
local entries = #ARGV - 1
local bodies = {}
for i = 1, entries do
  local key = KEYS[i]
  local h, isThere = header(key, ARGV[1])
  bodies[i] = h and string.byte(h, 48) == 0xc3 and 1 or 0
  if h then
    local pend = math.max(struct.unpack('>I8', h, 16), tonumber(ARGV[i + 1]))
    redis.call('SETRANGE', key, 15, struct.pack('>I8', pend) .. noToken)
  elseif isThere then
    redis.call('DEL', key)
  end
end
-- One that is not there need not begin: whoever looks does that, with a number that nobody has seen.
for i = entries + 1, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 and type(redis.pcall('INCR', KEYS[i])) ~= 'number' then redis.call('DEL', KEYS[i]) end
end
return table.concat(bodies)
