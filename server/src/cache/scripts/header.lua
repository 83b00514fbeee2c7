-- Stands in front of every script. The layout of an entry stands in entry.ts; positions count from 1 here.
-- One function and nothing else: whatever is made here is made anew by every call.

-- The header of the entry under a key, of that epoch if one is given; nil when there is none. Then whether there is anything.
local function header(key, epoch)
  local h = redis.pcall('GETRANGE', key, 0, 47)
  if type(h) ~= 'string' then return nil, true end
  local known = #h == 48 and string.byte(h, 1) == 0xdd and string.byte(h, 6) == 0xcf
  if known and (not epoch or struct.unpack('>I4', h, 44) == tonumber(epoch)) then return h, true end
  return nil, #h > 0
end
