-- Rate limit (GCRA) and daily quota of one caller, and what they used today by kind, in one hash.
-- KEYS: the caller's hash. ARGV: clock offset, us between two requests at the sustained rate, burst, cost,
--       requests allowed in a UTC day (0 for no cap), field of the kind's counter.
-- Returns {granted, now, requests left in the burst, us until more (refused: until this one), used today}.
-- GCRA: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm (virtual scheduling form).
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
local gap, burst, cost, quota = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local day = math.floor(now / 86400000000)
local h = redis.call('HMGET', KEYS[1], 'tat', 'day', 'used')
local same = tonumber(h[2] or -1) == day
local used = same and tonumber(h[3] or 0) or 0
-- An arrival time farther ahead than a full burst was written before the clock stepped back.
local tat = math.min(math.max(tonumber(h[1] or 0), now), now + burst * gap)
local after = tat + cost * gap
local over = after - (now + burst * gap)
if over > 0 then
  return {0, now, math.floor((now + burst * gap - tat) / gap), over, used}
end
if quota > 0 and used + cost > quota then
  return {-1, now, 0, (day + 1) * 86400000000 - now, used}
end
if not same then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'tat', string.format('%.0f', after), 'day', day, 'used', used + cost)
redis.call('HINCRBY', KEYS[1], ARGV[6], cost)
if used == 0 then redis.call('EXPIRE', KEYS[1], 172800) end
return {1, now, math.floor(-over / gap), after - now, used + cost}
