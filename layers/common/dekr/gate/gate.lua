-- May this sandbox call the upstream for this datum now? One decision: single flight, entitlement, breaker, budget.
-- KEYS: lease of the datum, log of calls, pause, then the endpoint families to try in order, then maybe the lease of a datum whose
--       fetch may bring this one, too.
-- ARGV: clock offset, token, lease in ms, floor (16 digits), calls allowed in the window, window in us, call number,
--       1 to look past a finished fetch, 1 where there is such another lease.
-- Returns {now, word, detail}; a granted call holds the lease and stands in the log.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
local mine, window, allowed = 'h:' .. ARGV[2], tonumber(ARGV[6]), tonumber(ARGV[5])

-- A moment farther ahead than it can ever be set was set before the clock stepped back; it does not count.
local function ahead(at, most)
  at = tonumber(at or 0)
  return at > now and at - now <= most and at
end

local call = ARGV[2] .. ':' .. ARGV[7]
local families = #KEYS - tonumber(ARGV[9])
for i, key in ipairs({KEYS[1], ARGV[9] == '1' and KEYS[#KEYS] or nil}) do
  local lease = redis.call('GET', key)
  if lease and lease ~= mine then
    local word, rest = string.sub(lease, 1, 1), string.sub(lease, 3)
    -- A word from after now was left before the clock stepped back.
    local known = word == 'd' and tonumber(rest) <= now + 1000000
    local done = known and rest > ARGV[4] and ARGV[8] ~= '1'
    -- Whoever waits or reads makes no call now: one that was paid for something else is given back.
    if word == 'h' or done then redis.call('ZREM', KEYS[2], call) end
    if word == 'h' then return {now, 'wait', 0} end
    if done then return {now, 'done', rest} end
    if word == 'f' and i == 1 then return {now, 'failed', rest} end
  end
end

local chosen, probing
for i = 4, families do
  local f = redis.call('HMGET', KEYS[i], 'denied', 'open', 'probe', 'prober')
  if not ahead(f[1], 3600000000) then
    local open = ahead(f[2], 60000000)
    if not open and f[2] then
      if f[4] ~= ARGV[2] then open = ahead(f[3], 30000000) end
      probing = KEYS[i]
    end
    if open then return {now, 'open', open} end
    chosen = i - 3
    break
  end
end
if not chosen then return {now, 'denied', 0} end

local paused = ahead(redis.call('GET', KEYS[3]), 120000000)
if paused then return {now, 'spent', paused} end

local stamp = string.format('%.0f', now)
if not redis.call('ZSCORE', KEYS[2], call) then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - window))
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], string.format('(%.0f', now + 1000000), '+inf')) do
    redis.call('ZADD', KEYS[2], stamp, member)
  end
  local used = redis.call('ZCARD', KEYS[2])
  if used >= allowed then
    local leaving = redis.call('ZRANGE', KEYS[2], used - allowed, used - allowed, 'WITHSCORES')
    return {now, 'spent', (leaving[2] and tonumber(leaving[2]) or now) + window}
  end
  redis.call('ZADD', KEYS[2], stamp, call)
end
redis.call('SET', KEYS[1], mine, 'PX', ARGV[3])
if probing then
  redis.call('HSET', probing, 'probe', string.format('%.0f', now + tonumber(ARGV[3]) * 1000), 'prober', ARGV[2])
end
return {now, 'go', chosen}
