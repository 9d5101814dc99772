-- What is likely to be asked for now, and how old it is.
-- KEYS: scores of tickers, scores of allowances, pace, stamps of tickers, preferred tickers, likely tickers that the market lacked.
-- ARGV: clock offset, half-life in us, span of the pace in us, how many tickers, floor: where the whole market was fetched after it,
--       nothing more is told than of those that it lacked.
-- Returns {now, market's stamp} or {now, market's stamp, requests a second, shared calls a second, tickers known, requests that
--          count, allowances and shares..., tickers, scores, stamps, preferred}; numbers with a fraction as text.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
-- Since 1 January 2026: any fixed moment will do.
local weight = 2 ^ ((now - 1767225600000000) / tonumber(ARGV[2]))
local span, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local function text(x) return string.format('%.17g', x) end

local p = redis.call('HMGET', KEYS[3], 'asked', 'at', 'since', 'calls', 'called', 'market')
local market = tonumber(p[6] or 0)
if market > now + 1000000 then market = 0 end
local covered = market > tonumber(ARGV[5])
if covered and redis.call('EXISTS', KEYS[6]) == 0 then return {now, text(market)} end

local function pace(sum, at)
  -- A young record is taken for ten minutes old: the first requests say little of how many follow.
  local seen = math.max(now - tonumber(p[3] or now), 600000000)
  local left = math.exp(-math.max(now - tonumber(at or now), 0) / span)
  return tonumber(sum or 0) * left / (span * (1 - math.exp(-seen / span))) * 1000000
end

local shares, total = {}, 0
local mix = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for i = 1, #mix, 2 do
  shares[i], shares[i + 1] = mix[i], text(mix[i + 1] / weight)
  total = total + mix[i + 1] / weight
end
local names, scores, stamps = {}, {}, {}
local preferred, known = {}, {}
if covered then
  for _, name in ipairs(redis.call('SMEMBERS', KEYS[6])) do
    names[#names + 1] = name
    scores[#scores + 1] = text((tonumber(redis.call('ZSCORE', KEYS[1], name) or 0)) / weight)
  end
else
  local top = redis.call('ZREVRANGE', KEYS[1], 0, most - 1, 'WITHSCORES')
  for i = 1, #top, 2 do
    names[#names + 1] = top[i]
    scores[#scores + 1] = text(top[i + 1] / weight)
  end
  for _, name in ipairs(names) do known[name] = true end
  preferred = redis.call('HGETALL', KEYS[5])
end
for i = 1, #preferred, 2 do
  if not known[preferred[i]] then
    names[#names + 1], scores[#scores + 1] = preferred[i], '0'
  end
end
-- In pieces: Lua hands over some thousand values at once, and no more.
for i = 1, #names, 1000 do
  for _, stamp in ipairs(redis.call('ZMSCORE', KEYS[4], unpack(names, i, math.min(i + 999, #names)))) do
    -- A stamp ahead of the clock was made before the clock stepped back.
    stamps[#stamps + 1] = stamp and tonumber(stamp) <= now + 1000000 and stamp or '0'
  end
end
return {
  now, text(market), text(pace(p[1], p[2])), text(pace(p[4], p[5])), redis.call('ZCARD', KEYS[1]), text(total),
  shares, names, scores, stamps, preferred,
}
