-- Reads what is likely to be requested now, and when it was last fetched.
-- KEYS: scores of tickers, pace, stamps of tickers, preferred tickers, tickers in demand that the market lacked.
-- ARGV: clock offset, half-life of scores in us, span of the pace in us, how many tickers, floor in us: where the whole market was
--       fetched after it, only the tickers that it lacked are returned.
-- Returns {now, market's stamp} where it lacked none, or {now, market's stamp, requests a second, sum of requests, tickers, their
--          requests, their stamps, {preferred ticker and its preference...}}; numbers with a fraction as text.
local tickers, pace, stamps, preferred, lacking = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local half_life_us, span_us = tonumber(ARGV[2]), tonumber(ARGV[3])
local most, floor_us = tonumber(ARGV[4]), tonumber(ARGV[5])

local now = now_us()
local weight = weight_of_request(now, half_life_us)

local kept = redis.call('HMGET', pace, 'requests', 'at', 'since', 'total', 'market')
local requests, at, since = tonumber(kept[1] or 0), kept[2], tonumber(kept[3] or now)
local total, market = tonumber(kept[4] or 0) / weight, tonumber(kept[5] or 0)
if is_too_far_ahead(market, now, CLOCK_TOLERANCE_US) then market = 0 end
local covered = market > floor_us
if covered and redis.call('EXISTS', lacking) == 0 then return {now, whole_text(market)} end

-- Requests a second. A young record is taken for older than it is: the first requests say little of how many follow.
local age_us = math.max(now - since, YOUNGEST_RECORD_US)
local rate = requests * part_left(at, now, span_us) / (span_us * (1 - math.exp(-age_us / span_us))) * SECOND_US

local names, counts, preferences = {}, {}, {}
if covered then
  names = redis.call('SMEMBERS', lacking)
  for i, score in ipairs(scores_of(tickers, names)) do counts[i] = exact_text((score or 0) / weight) end
else
  local top, is_known = redis.call('ZREVRANGE', tickers, 0, most - 1, 'WITHSCORES'), {}
  for i = 1, #top, 2 do
    names[#names + 1], counts[#counts + 1] = top[i], exact_text(top[i + 1] / weight)
    is_known[top[i]] = true
  end
  preferences = redis.call('HGETALL', preferred)
  for i = 1, #preferences, 2 do
    if not is_known[preferences[i]] then names[#names + 1], counts[#counts + 1] = preferences[i], '0' end
  end
end

local fetched = scores_of(stamps, names)
for i, stamp in ipairs(fetched) do
  if not stamp or is_too_far_ahead(tonumber(stamp), now, CLOCK_TOLERANCE_US) then fetched[i] = '0' end
end
return {now, whole_text(market), exact_text(rate), exact_text(total), names, counts, fetched, preferences}
