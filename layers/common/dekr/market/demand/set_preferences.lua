-- Adds or ends preferences: tickers that are expected to be requested, each with the moment until which and how often.
-- KEYS: preferred tickers. ARGV: clock offset, how many there may be, until (us), weight (0 ends the preference), then the tickers.
-- Returns how many there are, or -1 where there would be too many; then nothing is added.
local preferred = KEYS[1]
local most, until_us, weight = tonumber(ARGV[2]), ARGV[3], ARGV[4]
local first_ticker = 5

local now = now_us()
local kept = redis.call('HGETALL', preferred)
for i = 1, #kept, 2 do
  local ticker, kept_until_us = kept[i], tonumber(string.match(kept[i + 1], '^%d+'))
  if kept_until_us <= now then redis.call('HDEL', preferred, ticker) end
end

if weight == '0' then
  for i = first_ticker, #ARGV do redis.call('HDEL', preferred, ARGV[i]) end
else
  local new = 0
  for i = first_ticker, #ARGV do new = new + 1 - redis.call('HEXISTS', preferred, ARGV[i]) end
  if redis.call('HLEN', preferred) + new > most then return -1 end
  for i = first_ticker, #ARGV do redis.call('HSET', preferred, ARGV[i], until_us .. ' ' .. weight) end
end
redis.call('EXPIRE', preferred, RECORD_KEPT_S)
return redis.call('HLEN', preferred)
