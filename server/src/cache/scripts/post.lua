-- POST: appends committed changes to entries that have everything before them.
-- KEYS: entries. ARGV: epoch, then of each key: version before, version after, number of records, the records, TTL in ms, most bytes,
-- most records, when it expires by the caller's clock in ms. Returns for each key: 0 there is no such entry with a body, 1 was done before, -1 gap:
-- it stays dirty, 2 appended but too long, 3 appended.
local out = {}
for i, key in ipairs(KEYS) do
  local a = 2 + (i - 1) * 8
  local prev, n = tonumber(ARGV[a]), tonumber(ARGV[a + 1])
  local h = header(key, ARGV[1])
  if not h or string.byte(h, 48) ~= 0xc3 then
    out[i] = 0
  else
    local ver = struct.unpack('>I8', h, 7)
    if ver >= n then
      out[i] = 1
    elseif ver ~= prev then
      out[i] = -1
    else
      local pend = math.max(struct.unpack('>I8', h, 16), n)
      local count = struct.unpack('>I4', h, 2) + tonumber(ARGV[a + 2])
      local head = '\221' .. struct.pack('>I4', count) .. '\207' .. struct.pack('>I8', n)
        .. '\207' .. struct.pack('>I8', pend)
      -- Clean: whoever holds a lease must not replace what is newer; the place of its end tells when the entry expires.
      if pend == n then head = head .. '\196\8' .. string.rep('\0', 8) .. '\207' .. struct.pack('>I8', tonumber(ARGV[a + 7])) end
      redis.call('SETRANGE', key, 0, head)
      local length = redis.call('APPEND', key, ARGV[a + 3])
      redis.call('PEXPIRE', key, ARGV[a + 4])
      out[i] = (length > tonumber(ARGV[a + 5]) or count - 6 > tonumber(ARGV[a + 6])) and 2 or 3
    end
  end
end
return out
