-- Lets a connection listen whose client has been told that it is signed in. What was parked takes effect.
-- KEYS: see registry.lua. ARGV: clock offset, id.
-- Returns {state, 0, pairs over the limit, pairs refused, 1 for whoever is to start a relay, {}}.
local id = ARGV[2]

local record = unpacked(connections, id)
if not record then return {'gone', 0, {}, {}, 0, {}} end
if record.state ~= 'admitted' then return {record.state, 0, {}, {}, 0, {}} end

local now, outcome = now_us(), {over = {}, refused = {}}
record.state = 'listening'
keep_packed(connections, id, record)
redis.call('ZREM', signing, id)
for _, message in ipairs(unpacked(parked, id) or {}) do apply_change(now, id, record, message, outcome) end
redis.call('HDEL', parked, id)
local wakes = outcome.wants and is_to_wake(now, id .. ' release')
return {record.state, 0, outcome.over, outcome.refused, number_of(wakes), {}}
