-- Looks a connection up, and counts a message of it by a rate limit (GCRA, see dekr/access/rate.py).
-- KEYS: see registry.lua. ARGV: clock offset, id, messages to count.
-- Returns {state, 1 where the message is over the limit, when it connected, then after sign-in: user, tier, key, end of the token}.
local id, count = ARGV[2], tonumber(ARGV[3])

local record = unpacked(connections, id)
if not record then return {'gone', 0, 0} end
local flooding = false
if count > 0 then
  local now, max_debt_us = now_us(), HEARD_BURST * HEARD_INTERVAL_US
  local tat = lasts_until(redis.call('HGET', arrivals, id), now, max_debt_us + CLOCK_TOLERANCE_US) or now
  tat = tat + count * HEARD_INTERVAL_US
  flooding = tat - now > max_debt_us
  if not flooding then redis.call('HSET', arrivals, id, whole_text(tat)) end
end
if not record.user then return {record.state, number_of(flooding), record.opened} end
return {record.state, number_of(flooding), record.opened, record.user, record.tier, record.key, record.ends}
