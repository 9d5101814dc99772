-- One call more for a caller who may only use a part of the budget: strict in every window, as the budget itself.
-- KEYS: log of the caller's calls. ARGV: clock offset, token, calls allowed in the window, window in us.
-- Returns {now, 0} for a granted call, which then stands in the log, or {now, when the next one will be}.
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
local window, allowed = tonumber(ARGV[4]), tonumber(ARGV[3])
local stamp = string.format('%.0f', now)
if redis.call('ZSCORE', KEYS[1], ARGV[2]) then return {now, 0} end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
-- What lies ahead was noted before the clock stepped back.
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now + 1000000), '+inf')) do
  redis.call('ZADD', KEYS[1], stamp, member)
end
local used = redis.call('ZCARD', KEYS[1])
if used >= allowed then
  local leaving = redis.call('ZRANGE', KEYS[1], used - allowed, used - allowed, 'WITHSCORES')
  return {now, tonumber(leaving[2]) + window}
end
redis.call('ZADD', KEYS[1], stamp, ARGV[2])
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', window / 1000))
return {now, 0}
