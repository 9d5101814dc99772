-- Remember what a refresh has just preloaded: the tickers that it fetched, or of the whole market the popular ones.
-- KEYS: preloaded tickers, scores of tickers, pace, stamps of tickers, preferred tickers.
-- ARGV: clock offset, moment before the refresh, most tickers. Returns how many are remembered.
local since, most = tonumber(ARGV[2]), tonumber(ARGV[3])
local market = redis.call('HGET', KEYS[3], 'market')
local names, stamps = {}, {}
if market and tonumber(market) >= since then
  local popular = redis.call('ZREVRANGE', KEYS[2], 0, most - 1)
  for _, list in ipairs({popular, redis.call('HKEYS', KEYS[5])}) do
    for _, name in ipairs(list) do
      if not stamps[name] and #names < most then
        names[#names + 1], stamps[name] = name, market
      end
    end
  end
else
  local found = redis.call('ZRANGEBYSCORE', KEYS[4], string.format('%.0f', since), '+inf', 'WITHSCORES', 'LIMIT', 0, most)
  for i = 1, #found, 2 do
    names[#names + 1], stamps[found[i]] = found[i], found[i + 1]
  end
end
if #names == 0 then return 0 end
local scores = redis.call('ZMSCORE', KEYS[2], unpack(names))
local room = 2 * most - redis.call('HLEN', KEYS[1])
for i, name in ipairs(names) do
  if redis.call('HEXISTS', KEYS[1], name) == 0 then room = room - 1 end
  if room < 0 then break end
  redis.call('HSET', KEYS[1], name, string.format('%.0f', tonumber(stamps[name])) .. ' ' .. (scores[i] or ''))
end
redis.call('EXPIRE', KEYS[1], 86400)
return #names
