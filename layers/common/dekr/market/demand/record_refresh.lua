-- Records a fetch that brought the quotes of several tickers: when each was fetched.
-- KEYS: pace, stamps of tickers, tickers in demand that the market lacked.
-- ARGV: clock offset, stamp of the fetch, how many tickers are kept, then 'many' and the tickers that were fetched, or 'market' and the
--       tickers in demand that it lacked. Returns 1.
local pace, stamps, lacking = KEYS[1], KEYS[2], KEYS[3]
local stamp, most, scope = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local first_ticker = 5

local now = now_us()
if scope == 'market' then
  local market = tonumber(redis.call('HGET', pace, 'market') or 0)
  if market < tonumber(stamp) or is_too_far_ahead(market, now, 0) then redis.call('HSET', pace, 'market', stamp) end
  redis.call('ZREMRANGEBYSCORE', stamps, '-inf', stamp)
  redis.call('DEL', lacking)
  for i = first_ticker, #ARGV do redis.call('SADD', lacking, ARGV[i]) end
else
  local tickers = {}
  for i = first_ticker, #ARGV do tickers[#tickers + 1] = ARGV[i] end
  drop_stamps_ahead(stamps, now)
  raise_scores(stamps, stamp, tickers)
  keep_highest(stamps, most)
end
expire_all(KEYS)
return 1
