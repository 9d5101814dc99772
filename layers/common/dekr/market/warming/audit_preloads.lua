-- Decides what became of preloaded quotes: saved a fetch, wasted, or not yet known. Reads when anybody last requested a quote.
-- KEYS: preloaded tickers (each with its stamp and its score at that time), scores of tickers, pace, stamps of tickers.
-- ARGV: clock offset, half-life of scores in us, age in us from which no reader may have a quote.
-- Returns {now, last request, since when requests are recorded, sum of requests (as text), latest preload, saved, wasted, left}.
-- A ticker's score grows when it is requested and at no other time, so a ticker whose score has grown was read.
local preloaded, tickers, pace, stamps = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local half_life_us, oldest_us = tonumber(ARGV[2]), tonumber(ARGV[3])

local now = now_us()
local kept = redis.call('HMGET', pace, 'at', 'since', 'market', 'total')
local last_request, since, market = tonumber(kept[1] or 0), tonumber(kept[2] or 0), tonumber(kept[3] or 0)
local total = tonumber(kept[4] or 0) / weight_of_request(now, half_life_us)

local names, notes = {}, {}
local all = redis.call('HGETALL', preloaded)
for i = 1, #all, 2 do
  names[#names + 1], notes[#notes + 1] = all[i], all[i + 1]
end
local scores, fetched = scores_of(tickers, names), scores_of(stamps, names)

local saved, wasted, latest = 0, 0, 0
for i, name in ipairs(names) do
  local stamp, score = string.match(notes[i], '^(%d+) (.*)$')
  stamp = tonumber(stamp)
  local lost = is_too_far_ahead(stamp, now, CLOCK_TOLERANCE_US)
  if not lost then latest = math.max(latest, stamp) end
  -- Where another fetch came in between, nobody knows which of the two was read: the preload gets no credit.
  local fetched_again = market > stamp or tonumber(fetched[i] or 0) > stamp
  local decided = true
  if fetched_again or now - stamp > oldest_us or lost then
    wasted = wasted + 1
  elseif scores[i] and scores[i] ~= score then
    saved = saved + 1
  else
    decided = false
  end
  if decided then redis.call('HDEL', preloaded, name) end
end

return {now, last_request, since, exact_text(total), latest, saved, wasted, redis.call('HLEN', preloaded)}
