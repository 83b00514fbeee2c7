-- Whether it is a user's id, as the server can read it. Everything else in our sets is not ours.
local function isId(text)
  return #text <= 16 and string.find(text, '^[1-9]%d*$') ~= nil and tonumber(text) <= 9007199254740991
end
