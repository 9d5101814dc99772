-- The record of a stream, as text: state, the moment up to which that state lasts, the moment at which it was connected (0: never),
-- and the connection ('-': none).
local function record_text(state, until_us, since_us, connection)
  return state .. ' ' .. whole_text(until_us) .. ' ' .. whole_text(since_us) .. ' ' .. connection
end

local function read_record(text)
  local state, until_us, since_us, connection = string.match(text or '', '^(%a+) (%d+) (%d+) (%S+)$')
  return state, tonumber(until_us), tonumber(since_us), connection
end

-- Whether nobody can connect to a stream any more, or its connection can be no longer.
local function is_over(state, until_us, now) return not state or state == 'ended' or not lasts_until(until_us, now, LONGEST_US) end
