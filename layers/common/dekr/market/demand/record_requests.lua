-- Adds requests that were served to the record of demand.
-- KEYS: scores of tickers, scores of largest ages, pace, stamps of tickers.
-- ARGV: clock offset, half-life of scores in us, span of the pace in us, how many tickers are kept, number of largest ages, then
--       for each its seconds and count, then for each ticker its name, count and stamp.
-- Returns how many requests were added.
local tickers, max_ages, pace, stamps = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local half_life_us, span_us = tonumber(ARGV[2]), tonumber(ARGV[3])
local most, age_count = tonumber(ARGV[4]), tonumber(ARGV[5])
local first_age = 6
local first_ticker = first_age + 2 * age_count

local now = now_us()
local weight = weight_of_request(now, half_life_us)

-- Scores from before a step back of the clock would outweigh all that follows: the record begins anew.
local last_us = tonumber(redis.call('HGET', pace, 'at') or now)
if is_too_far_ahead(last_us, now, MAX_RECORD_AHEAD_US) then redis.call('DEL', unpack(KEYS)) end
drop_stamps_ahead(stamps, now)

local requests = 0
for i = first_age, first_ticker - 1, 2 do
  local age_s, count = ARGV[i], tonumber(ARGV[i + 1])
  redis.call('ZINCRBY', max_ages, exact_text(count * weight), age_s)
  requests = requests + count
end
for i = first_ticker, #ARGV, 3 do
  local ticker, count, stamp = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  redis.call('ZINCRBY', tickers, exact_text(count * weight), ticker)
  redis.call('ZADD', stamps, 'GT', stamp, ticker)
end
keep_highest(tickers, most)
keep_highest(stamps, most)

local kept = redis.call('HMGET', pace, 'asked', 'at', 'since')
local sum, at, since = tonumber(kept[1] or 0), kept[2], tonumber(kept[3] or now)
if is_too_far_ahead(since, now, 0) then since = now end
sum = sum * part_left(at, now, span_us) + requests
redis.call('HSET', pace, 'asked', exact_text(sum), 'at', whole_text(now), 'since', whole_text(since))
expire_all(KEYS)
return requests
