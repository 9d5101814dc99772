-- Put-if-newer for entries of one slot. An entry starts with 16 digits of its stamp, so text compares as time.
-- KEYS: the entries. ARGV: clock offset, then for each entry its text and how many ms the store keeps it.
-- Returns how many were written. Of two of the same stamp the later one holds: a stand-in is made a value like that.
-- A stamp ahead of the clock was made before the clock stepped back: it does not hold. The clock is read for what is newer
-- than the entry alone, which is seldom.
local function ahead()
  local t = redis.call('TIME')
  return string.format('%016.0f', t[1] * 1000000 + t[2] + tonumber(ARGV[1]) + 1000000)
end

local written = 0
for i, key in ipairs(KEYS) do
  local entry = ARGV[2 * i]
  local kept = redis.call('GETRANGE', key, 0, 15)
  if kept == '' or kept <= string.sub(entry, 1, 16) or kept > ahead() then
    redis.call('SET', key, entry, 'PX', ARGV[2 * i + 1])
    written = written + 1
  end
end
return written
