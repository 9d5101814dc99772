-- What became of the quotes that were preloaded, and when anybody asked for one.
-- KEYS: preloaded tickers (each with its stamp and its score at that time), scores of tickers, pace, stamps of tickers,
--       scores of allowances. ARGV: clock offset, half-life of scores in us, age from which no reader takes a quote in us.
-- Returns {now, last asked, since when it is noted, requests that count (as text), latest preload, saved, wasted, left}.
-- A ticker's score grows when it is asked for and never else, so a score that has grown was read.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
local oldest = tonumber(ARGV[3])
local p = redis.call('HMGET', KEYS[3], 'at', 'since', 'market')
local market = tonumber(p[3] or 0)

local names, kept = {}, {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  names[#names + 1], kept[#kept + 1] = all[i], all[i + 1]
end
-- In pieces: Lua hands over some thousand values at once, and no more.
local function of_all(key)
  local found = {}
  for i = 1, #names, 1000 do
    for _, score in ipairs(redis.call('ZMSCORE', key, unpack(names, i, math.min(i + 999, #names)))) do
      found[#found + 1] = score
    end
  end
  return found
end
local saved, wasted, latest = 0, 0, 0
if #names > 0 then
  local scores, stamps = of_all(KEYS[2]), of_all(KEYS[4])
  for i, name in ipairs(names) do
    local stamp, score = string.match(kept[i], '^(%d+) (.*)$')
    stamp = tonumber(stamp)
    if stamp <= now + 1000000 then latest = math.max(latest, stamp) end
    -- Where another fetch came in between, nobody knows which of the two was read: the preload gets no credit.
    local again = market > stamp or tonumber(stamps[i] or 0) > stamp
    local done = true
    if again or now - stamp > oldest or stamp > now + 1000000 then
      wasted = wasted + 1
    elseif scores[i] and scores[i] ~= score then
      saved = saved + 1
    else
      done = false
    end
    if done then redis.call('HDEL', KEYS[1], name) end
  end
end

-- Since 1 January 2026, as in note.lua.
local total, weight = 0, 2 ^ ((now - 1767225600000000) / tonumber(ARGV[2]))
local mix = redis.call('ZRANGE', KEYS[5], 0, -1, 'WITHSCORES')
for i = 2, #mix, 2 do total = total + mix[i] / weight end
return {
  now, tonumber(p[1] or 0), tonumber(p[2] or 0), string.format('%.17g', total), latest, saved, wasted,
  redis.call('HLEN', KEYS[1]),
}
