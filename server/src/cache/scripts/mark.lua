-- MARK, also KILL: versions up to n may be committed from now on.
-- KEYS: entries. ARGV: epoch, then n of each key. Returns the number of keys.
-- An entry that is there gets pend = max(pend, n) and loses its lease; one of another epoch, or that is none, is deleted.
local noToken = '\196\8\0\0\0\0\0\0\0\0'
for i, key in ipairs(KEYS) do
  local h, isThere = header(key, ARGV[1])
  if h then
    local pend = math.max(struct.unpack('>I8', h, 16), tonumber(ARGV[i + 1]))
    redis.call('SETRANGE', key, 15, struct.pack('>I8', pend) .. noToken)
  elseif isThere then
    redis.call('DEL', key)
  end
end
return #KEYS
