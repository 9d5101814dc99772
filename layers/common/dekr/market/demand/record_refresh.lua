-- A refresh of several tickers' quotes has ended: remember when each was fetched, and how often such calls are made.
-- KEYS: pace, stamps of tickers, likely tickers that the market lacked. ARGV: clock offset, span of the pace in us, stamp, most tickers,
--       'many' and the tickers, or 'market' and the likely tickers that it lacked.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
local span, stamp = tonumber(ARGV[2]), ARGV[3]
local function text(x) return string.format('%.17g', x) end

local p = redis.call('HMGET', KEYS[1], 'calls', 'called', 'market')
local left = math.exp(-math.max(now - tonumber(p[2] or now), 0) / span)
redis.call('HSET', KEYS[1], 'calls', text(tonumber(p[1] or 0) * left + 1), 'called', text(now))
if ARGV[5] == 'market' then
  local kept = tonumber(p[3] or 0)
  if kept < tonumber(stamp) or kept > now then redis.call('HSET', KEYS[1], 'market', stamp) end
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', stamp)
  redis.call('DEL', KEYS[3])
  for i = 6, #ARGV do redis.call('SADD', KEYS[3], ARGV[i]) end
else
  local scored = {}
  for i = 6, #ARGV do
    scored[#scored + 1] = stamp
    scored[#scored + 1] = ARGV[i]
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[2], string.format('(%.0f', now + 1000000), '+inf')
  redis.call('ZADD', KEYS[2], 'GT', unpack(scored))
  local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[4])
  if over > 0 then redis.call('ZREMRANGEBYRANK', KEYS[2], 0, over - 1) end
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, 2592000) end
return 1
