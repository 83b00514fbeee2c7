-- Takes what some users have spent on one node from the buckets that all nodes share, and counts it in their minutes.
-- KEYS: of each user the hash of buckets, kind -> "level seconds", and the count.
-- ARGV: of each user what to count, then for each bucket: kind, spent, tokens that come back per second, tokens of a full one.
-- Out: of each user the levels by now; none of one whose key is something else.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local out = {}
for i = 1, #KEYS, 2 do
  local buckets, count = KEYS[i], KEYS[i + 1]
  local words, levels, life = {}, {}, 0
  for word in string.gmatch(ARGV[(i + 1) / 2], '%S+') do words[#words + 1] = word end
  local is = redis.call('TYPE', buckets).ok
  if is == 'hash' or is == 'none' then
    for j = 2, #words, 4 do
      local spent, rate, burst = tonumber(words[j + 1]), tonumber(words[j + 2]), tonumber(words[j + 3])
      local level, at = string.match(redis.call('HGET', buckets, words[j]) or '', '^(%S+) (%S+)$')
      level, at = tonumber(level) or burst, tonumber(at) or now
      if level ~= level then level = burst end
      -- A debt has a bound: nobody waits for longer than one full bucket takes.
      level = math.max(-burst, math.min(burst, level + math.max(0, now - at) * rate) - spent)
      redis.call('HSET', buckets, words[j], string.format('%.3f %.3f', level, now))
      levels[#levels + 1] = string.format('%.3f', level)
      life = math.max(life, math.ceil((burst - level) / rate * 1000))
    end
    -- A bucket that is full again need not be known.
    if redis.call('PTTL', buckets) < life then redis.call('PEXPIRE', buckets, life) end
  end
  if words[1] ~= '0' and type(redis.pcall('INCRBY', count, words[1])) == 'number' and redis.call('PTTL', count) < 0 then
    redis.call('PEXPIRE', count, 60000)
  end
  out[#out + 1] = levels
end
return out
