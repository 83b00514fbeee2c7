-- What has one of our names and another type is not ours, whoever made it: it makes room.
local function typed(key, kind)
  local is = redis.call('TYPE', key).ok
  if is ~= kind and is ~= 'none' then redis.call('DEL', key) end
  return key
end
