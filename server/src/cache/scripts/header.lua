-- Stands in front of every script. The layout of an entry stands in entry.ts; positions count from 1 here.

local function int4(h, at) return (struct.unpack('>I4', h, at)) end
local function int8(h, at) return (struct.unpack('>I8', h, at)) end
local noToken = string.rep('\0', 8)
local function tokenOf(h) return string.sub(h, 26, 33) end
local function hasBody(h) return string.byte(h, 48) == 0xc3 end

-- The header of the entry under a key, of that epoch if one is given; nil when there is none. Then whether there is anything.
local function header(key, epoch)
  local h = redis.pcall('GETRANGE', key, 0, 47)
  if type(h) ~= 'string' then return nil, true end
  local known = #h == 48 and string.byte(h, 1) == 0xdd and string.byte(h, 6) == 0xcf
  if known and (not epoch or int4(h, 44) == tonumber(epoch)) then return h, true end
  return nil, #h > 0
end
