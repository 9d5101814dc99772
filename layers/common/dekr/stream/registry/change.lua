-- Adds pairs to a connection or removes them; before the end of its sign-in they are parked.
-- KEYS: see registry.lua. ARGV: clock offset, id, kind ('add' or 'remove'), moment of the message, cursor ('' for none), 1 for a
--       snapshot, pairs.
-- Returns {state, how many pairs of the connection are parked, pairs over the limit, pairs refused, 1 for whoever is to start a
-- relay, {}}.
local id, message, first_pair = ARGV[2], {kind = ARGV[3], at = tonumber(ARGV[4]), since = ARGV[5], snapshot = ARGV[6], pairs = {}}, 7

local record = unpacked(connections, id)
if not record then return {'gone', 0, {}, {}, 0, {}} end
local outcome = {over = {}, refused = {}}

if record.state == 'listening' then
  local now = now_us()
  for i = first_pair, #ARGV do message.pairs[#message.pairs + 1] = ARGV[i] end
  apply_change(now, id, record, message, outcome)
  local wakes = outcome.wants and is_to_wake(now, id .. ' ' .. ARGV[4])
  return {record.state, 0, outcome.over, outcome.refused, number_of(wakes), {}}
end

local waiting, room = unpacked(parked, id) or {}, MAX_PARKED
for _, each in ipairs(waiting) do room = room - #each.pairs end
for i = first_pair, #ARGV do
  table.insert(#message.pairs < room and message.pairs or outcome.over, ARGV[i])
end
if #message.pairs > 0 then
  waiting[#waiting + 1] = message
  keep_packed(parked, id, waiting)
end
return {record.state, MAX_PARKED - room + #message.pairs, outcome.over, {}, 0, {}}
