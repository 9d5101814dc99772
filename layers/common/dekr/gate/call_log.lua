-- A log of upstream calls: a sorted set of calls by the moment at which each was granted, strict in every window.

-- Nil where the window has room for one more call; otherwise the moment from which it will have.
local function next_call_us(log, now, window_us, allowed)
  redis.call('ZREMRANGEBYSCORE', log, '-inf', whole_text(now - window_us))
  -- Calls that were granted before the clock stepped back count as granted now.
  for _, call in ipairs(redis.call('ZRANGEBYSCORE', log, farther_than(now, CLOCK_TOLERANCE_US), '+inf')) do
    redis.call('ZADD', log, whole_text(now), call)
  end
  local used = redis.call('ZCARD', log)
  if used < allowed then return nil end
  local leaving = redis.call('ZRANGE', log, used - allowed, used - allowed, 'WITHSCORES')
  return (tonumber(leaving[2]) or now) + window_us
end
