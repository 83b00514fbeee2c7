-- LOOK: what entries say of themselves, without their bodies, and where counters stand.
-- KEYS: entries, then counters. ARGV: number of entries.
-- Returns one text with 48 bytes for each: the header, or blanks for what is absent or no entry; the counter's digits, blanks after them.
-- A counter that is not there begins with the time in microseconds, never at a number that it had before, and lives for a minute.
local out, entries = {}, tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  local h = redis.pcall('GETRANGE', key, 0, 47)
  if type(h) ~= 'string' then h = '' end
  if i > entries and h == '' then
    local t = redis.call('TIME')
    h = string.format('%.0f', t[1] * 1000000 + t[2])
    redis.call('SET', key, h, 'EX', 60)
  end
  out[i] = #h == 48 and h or h .. string.rep(' ', 48 - #h)
end
return table.concat(out)
