-- What was asked for, added to the record of demand.
-- KEYS: scores of tickers, scores of allowances, pace, stamps of tickers. ARGV: clock offset, half-life in us, span of the pace in us,
--       most tickers, number of allowances, then for each its seconds and count, then for each ticker its name, count and stamp.
-- Scores are decayed forward: what is added weighs twice as much after each half-life, so nothing is ever rewritten.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
-- Since 1 January 2026: any fixed moment will do.
local weight = 2 ^ ((now - 1767225600000000) / tonumber(ARGV[2]))
local span, most, n = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local function text(x) return string.format('%.17g', x) end

-- A record that was written far ahead of the clock would outweigh all that follows: it begins anew.
local last = tonumber(redis.call('HGET', KEYS[3], 'at') or now)
if last > now + 86400000000 then redis.call('DEL', unpack(KEYS)) end
redis.call('ZREMRANGEBYSCORE', KEYS[4], string.format('(%.0f', now + 1000000), '+inf')

local asked = 0
for i = 6, 5 + 2 * n, 2 do
  redis.call('ZINCRBY', KEYS[2], text(ARGV[i + 1] * weight), ARGV[i])
  asked = asked + ARGV[i + 1]
end
for i = 6 + 2 * n, #ARGV, 3 do
  redis.call('ZINCRBY', KEYS[1], text(ARGV[i + 1] * weight), ARGV[i])
  redis.call('ZADD', KEYS[4], 'GT', ARGV[i + 2], ARGV[i])
end
for _, key in ipairs({KEYS[1], KEYS[4]}) do
  local over = redis.call('ZCARD', key) - most
  if over > 0 then redis.call('ZREMRANGEBYRANK', key, 0, over - 1) end
end

local p = redis.call('HMGET', KEYS[3], 'asked', 'at', 'since')
local at, since = tonumber(p[2] or now), tonumber(p[3] or now)
-- A moment that lies ahead was noted before the clock stepped back.
if since > now then since = now end
local left = math.exp(-math.max(now - at, 0) / span)
redis.call('HSET', KEYS[3], 'asked', text(tonumber(p[1] or 0) * left + asked), 'at', text(now), 'since', text(since))
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, 2592000) end
return asked
