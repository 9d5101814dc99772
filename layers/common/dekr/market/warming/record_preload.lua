-- Records what a refresh has just preloaded: the tickers that it fetched, or of the whole market the popular and preferred ones.
-- KEYS: preloaded tickers, scores of tickers, pace, stamps of tickers, preferred tickers.
-- ARGV: clock offset, moment before the refresh, how many tickers at most. Returns how many were preloaded.
local preloaded, tickers, pace, stamps, preferred = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local since_us, most = tonumber(ARGV[2]), tonumber(ARGV[3])

local names, stamp_of = {}, {}
local market = redis.call('HGET', pace, 'market')
if market and tonumber(market) >= since_us then
  local popular = redis.call('ZREVRANGE', tickers, 0, most - 1)
  for _, list in ipairs({popular, redis.call('HKEYS', preferred)}) do
    for _, name in ipairs(list) do
      if not stamp_of[name] and #names < most then
        names[#names + 1], stamp_of[name] = name, market
      end
    end
  end
else
  local found = redis.call('ZRANGEBYSCORE', stamps, whole_text(since_us), '+inf', 'WITHSCORES', 'LIMIT', 0, most)
  for i = 1, #found, 2 do
    names[#names + 1], stamp_of[found[i]] = found[i], found[i + 1]
  end
end
if #names == 0 then return 0 end

local scores = scores_of(tickers, names)
local room = 2 * most - redis.call('HLEN', preloaded)
for i, name in ipairs(names) do
  if redis.call('HEXISTS', preloaded, name) == 0 then room = room - 1 end
  if room < 0 then break end
  redis.call('HSET', preloaded, name, whole_text(tonumber(stamp_of[name])) .. ' ' .. (scores[i] or ''))
end
redis.call('EXPIRE', preloaded, PRELOADS_KEPT_S)
return #names
