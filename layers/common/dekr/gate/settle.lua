-- The end of a fetch: leave word for those who wait, and tell each family's breaker what was seen.
-- KEYS: lease of the datum, pause, then the families that were called.
-- ARGV: clock offset, token, word to leave ('' for none), its life in ms, pause in us (0 for none),
--       then for each family: good calls, bad calls, 1 where the plan does not include it.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
local function text(n) return string.format('%.0f', n) end

if redis.call('GET', KEYS[1]) == 'h:' .. ARGV[2] then
  if ARGV[3] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4]) end
end
local pause = tonumber(ARGV[5])
if pause > 0 then redis.call('SET', KEYS[2], text(now + pause), 'PX', math.ceil(pause / 1000)) end

for i = 3, #KEYS do
  local key, at = KEYS[i], 6 + (i - 3) * 3
  local good, bad = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  if ARGV[at + 2] == '1' then redis.call('HSET', key, 'denied', text(now + 3600000000)) end
  local f = redis.call('HMGET', key, 'open', 'window', 'good', 'bad', 'trips')
  local open, trips = tonumber(f[1] or 0), tonumber(f[5] or 0)
  local trip = false
  if open > now and open - now <= 60000000 then
    -- Open: what ends now began before it opened and says nothing new.
  elseif open > 0 then
    if good > 0 then
      redis.call('HDEL', key, 'open', 'probe', 'prober', 'window', 'good', 'bad', 'trips')
    elseif bad > 0 then
      trip = true
    end
  else
    local started = tonumber(f[2] or 0)
    if now - started > 30000000 or started > now then
      redis.call('HSET', key, 'window', text(now))
    else
      good, bad = good + tonumber(f[3] or 0), bad + tonumber(f[4] or 0)
    end
    redis.call('HSET', key, 'good', good, 'bad', bad)
    trip = bad >= 5 and bad >= good
  end
  if trip then
    redis.call('HDEL', key, 'probe', 'prober', 'window', 'good', 'bad')
    redis.call('HSET', key, 'open', text(now + math.min(5000000 * 2 ^ trips, 60000000)), 'trips', math.min(trips + 1, 10))
  end
  redis.call('PEXPIRE', key, 7200000)
end
return now
