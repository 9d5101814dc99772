-- Adds requests that were served to the record of demand.
-- KEYS: scores of tickers, pace, stamps of tickers.
-- ARGV: clock offset, half-life of scores in us, span of the pace in us, how many tickers are kept, then for each ticker its name,
--       count and stamp. Returns how many requests were added.
local tickers, pace, stamps = KEYS[1], KEYS[2], KEYS[3]
local half_life_us, span_us, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local first_ticker = 5

local now = now_us()
local weight = weight_of_request(now, half_life_us)

-- Scores from before a step back of the clock would outweigh all that follows: the record begins anew.
local last_us = tonumber(redis.call('HGET', pace, 'at') or now)
if is_too_far_ahead(last_us, now, MAX_RECORD_AHEAD_US) then redis.call('DEL', unpack(KEYS)) end
drop_stamps_ahead(stamps, now)

local requests = 0
for i = first_ticker, #ARGV, 3 do
  local ticker, count, stamp = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  redis.call('ZINCRBY', tickers, exact_text(count * weight), ticker)
  redis.call('ZADD', stamps, 'GT', stamp, ticker)
  requests = requests + count
end
keep_highest(tickers, most)
keep_highest(stamps, most)

local kept = redis.call('HMGET', pace, 'requests', 'at', 'since', 'total')
local sum, at, since = tonumber(kept[1] or 0), kept[2], tonumber(kept[3] or now)
if is_too_far_ahead(since, now, 0) then since = now end
sum = sum * part_left(at, now, span_us) + requests
local total = tonumber(kept[4] or 0) + requests * weight
redis.call('HSET', pace, 'requests', exact_text(sum), 'at', whole_text(now), 'since', whole_text(since), 'total', exact_text(total))
expire_all(KEYS)
return requests
