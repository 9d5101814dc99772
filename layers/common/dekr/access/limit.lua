-- Rate limit (GCRA, see rate.py) and daily quota of one caller, and what they used today by kind, in one hash.
-- KEYS: the caller's hash. ARGV: clock offset, us between two requests at the sustained rate, burst, cost,
--       requests allowed in a UTC day (0 for no cap), field of the kind's counter, how many data are asked for.
-- Returns {1 granted | 0 too fast | -1 the day's quota is spent, now, us ahead of the sustained rate, used today}.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
local gap, burst, cost, quota = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local day = math.floor(now / 86400000000)
local h = redis.call('HMGET', KEYS[1], 'tat', 'day', 'used')
local same = tonumber(h[2] or -1) == day
local used = same and tonumber(h[3]) or 0
local ahead = math.max(tonumber(h[1] or 0) - now, 0)
-- No request puts anybody more than a minute ahead: this was written before the clock stepped back.
if ahead > 60000000 then ahead = 0 end
if ahead + cost * gap > math.max(burst, cost) * gap then return {0, now, ahead, used} end
if quota > 0 and used + cost > quota then return {-1, now, ahead, used} end
ahead = ahead + cost * gap
if not same then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'tat', string.format('%.0f', now + ahead), 'day', day, 'used', used + cost)
redis.call('HINCRBY', KEYS[1], ARGV[6], ARGV[7])
if used == 0 then redis.call('EXPIRE', KEYS[1], 172800) end
return {1, now, ahead, used + cost}
