-- Decides on one request of a caller by rate limit (GCRA, see rate.py) and daily quota, and counts what was used today by kind.
-- KEYS: the caller's hash. ARGV: clock offset, emission interval in us, burst, cost, requests allowed in a UTC day (0: no cap),
--       field of the kind's counter, how many data are requested, 1 to charge whatever the limits say (the debt ends at MAX_DEBT_US).
-- Returns {ruling, now, debt in us, used today}. A request that is refused, or costs nothing, changes nothing.
local caller = KEYS[1]
local emission_interval_us, burst, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local per_day, counter, data, forced = tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8] == '1'

local now = now_us()
local day = math.floor(now / DAY_US)
local kept = redis.call('HMGET', caller, 'tat', 'at', 'day', 'used')
local same_day = tonumber(kept[3] or -1) == day
local used = same_day and tonumber(kept[4]) or 0

-- The theoretical arrival time: when the caller has paid off all that was granted. What was granted later than now was granted
-- before the clock stepped back: the step is not the caller's debt.
local stepped_back = is_too_far_ahead(tonumber(kept[2] or 0), now, CLOCK_TOLERANCE_US)
local tat = not stepped_back and lasts_until(kept[1], now, MAX_DEBT_US) or now
local debt_us, price_us = tat - now, cost * emission_interval_us
if cost == 0 then return {GRANTED, now, debt_us, used} end
if forced then
  -- A longer debt would be taken for one from before the clock stepped back.
  price_us = math.min(price_us, MAX_DEBT_US - debt_us)
else
  if debt_us + price_us > math.max(burst, cost) * emission_interval_us then return {TOO_FAST, now, debt_us, used} end
  if per_day > 0 and used + cost > per_day then return {QUOTA_SPENT, now, debt_us, used} end
end

if not same_day then redis.call('DEL', caller) end
redis.call('HSET', caller, 'tat', whole_text(tat + price_us), 'at', whole_text(now), 'day', day, 'used', used + cost)
redis.call('HINCRBY', caller, counter, data)
if used == 0 then redis.call('EXPIRE', caller, USE_KEPT_S) end
return {GRANTED, now, debt_us + price_us, used + cost}
