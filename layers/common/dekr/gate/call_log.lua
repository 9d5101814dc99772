-- A log of upstream calls: a sorted set of calls by the moment at which each was granted, strict in every window.

-- The number of calls in the window that ends now; older ones leave the log.
local function calls_in_window(log, now, window_us)
  redis.call('ZREMRANGEBYSCORE', log, '-inf', whole_text(now - window_us))
  -- Calls that were granted before the clock stepped back count as granted now.
  for _, call in ipairs(redis.call('ZRANGEBYSCORE', log, farther_than(now, CLOCK_TOLERANCE_US), '+inf')) do
    redis.call('ZADD', log, whole_text(now), call)
  end
  return redis.call('ZCARD', log)
end

-- The moment from which the window holds no more than ``max_used`` of the ``used`` calls that it holds now.
local function moment_with_calls(log, now, window_us, used, max_used)
  if used <= max_used then return now end
  local leaving = redis.call('ZRANGE', log, used - max_used - 1, used - max_used - 1, 'WITHSCORES')
  return (tonumber(leaving[2]) or now) + window_us
end
