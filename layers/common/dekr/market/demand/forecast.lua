-- Reads what is likely to be requested now, and when it was last fetched.
-- KEYS: scores of tickers, scores of largest ages, pace, stamps of tickers, preferred tickers, likely tickers that the market lacked.
-- ARGV: clock offset, half-life of scores in us, span of the pace in us, how many tickers, floor in us: where the whole market was
--       fetched after it, only the tickers that it lacked are returned.
-- Returns {now, market's stamp} where it lacked none, or {now, market's stamp, requests a second, shared fetches a second, tickers
--          known, sum of requests, {largest age and its requests...}, tickers, their requests, their stamps, {preferred ticker and
--          its preference...}}; numbers with a fraction as text.
local tickers, max_ages, pace, stamps, preferred, lacking = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local half_life_us, span_us = tonumber(ARGV[2]), tonumber(ARGV[3])
local most, floor_us = tonumber(ARGV[4]), tonumber(ARGV[5])

local now = now_us()
local weight = weight_of_request(now, half_life_us)

local kept = redis.call('HMGET', pace, 'asked', 'at', 'since', 'calls', 'called', 'market')
local requests, at, since, calls, called = kept[1], kept[2], tonumber(kept[3] or now), kept[4], kept[5]
local market = tonumber(kept[6] or 0)
if is_too_far_ahead(market, now, CLOCK_TOLERANCE_US) then market = 0 end
local covered = market > floor_us
if covered and redis.call('EXISTS', lacking) == 0 then return {now, whole_text(market)} end

-- How often a second something happens whose fading sum was written at a moment. A young record is taken for older than it is: the
-- first requests say little of how many follow.
local age_us = math.max(now - since, YOUNGEST_RECORD_US)
local function per_second(sum, written)
  return tonumber(sum or 0) * part_left(written, now, span_us) / (span_us * (1 - math.exp(-age_us / span_us))) * SECOND_US
end

local mix, total = redis.call('ZRANGE', max_ages, 0, -1, 'WITHSCORES'), 0
for i = 2, #mix, 2 do
  local count = mix[i] / weight
  mix[i], total = exact_text(count), total + count
end

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
return {
  now, whole_text(market), exact_text(per_second(requests, at)), exact_text(per_second(calls, called)),
  redis.call('ZCARD', tickers), exact_text(total), mix, names, counts, fetched, preferences,
}
