-- Records a fetch that brought the quotes of several tickers: when each was fetched, and how often such fetches are made.
-- KEYS: pace, stamps of tickers, likely tickers that the market lacked.
-- ARGV: clock offset, span of the pace in us, stamp of the fetch, how many tickers are kept, then 'many' and the tickers that were
--       fetched, or 'market' and the likely tickers that it lacked. Returns 1.
local pace, stamps, lacking = KEYS[1], KEYS[2], KEYS[3]
local span_us, stamp, most, scope = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]
local first_ticker = 6

local now = now_us()
local kept = redis.call('HMGET', pace, 'calls', 'called', 'market')
local sum, called, market = tonumber(kept[1] or 0), kept[2], tonumber(kept[3] or 0)
redis.call('HSET', pace, 'calls', exact_text(sum * part_left(called, now, span_us) + 1), 'called', whole_text(now))

if scope == 'market' then
  if market < tonumber(stamp) or is_too_far_ahead(market, now, 0) then redis.call('HSET', pace, 'market', stamp) end
  redis.call('ZREMRANGEBYSCORE', stamps, '-inf', stamp)
  redis.call('DEL', lacking)
  for i = first_ticker, #ARGV do redis.call('SADD', lacking, ARGV[i]) end
else
  local stamped = {}
  for i = first_ticker, #ARGV do
    stamped[#stamped + 1] = stamp
    stamped[#stamped + 1] = ARGV[i]
  end
  drop_stamps_ahead(stamps, now)
  redis.call('ZADD', stamps, 'GT', unpack(stamped))
  keep_highest(stamps, most)
end
expire_all(KEYS)
return 1
