-- Tickers that will be wanted: each with the moment until which, and how much. Returns how many there are, or -1 where there would be
-- too many; then nothing has changed.
-- KEYS: preferred tickers. ARGV: clock offset, most of them, until (us), weight (0: no more), then the tickers.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if tonumber(string.match(all[i + 1], '^%d+')) <= now then redis.call('HDEL', KEYS[1], all[i]) end
end
local new = 0
for i = 5, #ARGV do new = new + 1 - redis.call('HEXISTS', KEYS[1], ARGV[i]) end
if ARGV[4] ~= '0' and redis.call('HLEN', KEYS[1]) + new > tonumber(ARGV[2]) then return -1 end
for i = 5, #ARGV do
  if ARGV[4] == '0' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[3] .. ' ' .. ARGV[4])
  end
end
redis.call('EXPIRE', KEYS[1], 2592000)
return redis.call('HLEN', KEYS[1])
