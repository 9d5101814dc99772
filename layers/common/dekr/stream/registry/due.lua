-- Finds connections that have to be closed.
-- KEYS: see registry.lua. ARGV: clock offset, present moment in ms, how many at most for each reason.
-- Returns three lists of ids: sign-in took too long, token has ended, too old.
local now_ms, limit = tonumber(ARGV[2]), ARGV[3]

local function until_moment(key, moment)
  return redis.call('ZRANGEBYSCORE', key, '-inf', whole_text(moment), 'LIMIT', 0, limit)
end

return {
  until_moment(signing, now_ms - AUTH_TIMEOUT_MS), until_moment(ends, now_ms), until_moment(opened, now_ms - MAX_AGE_MS),
}
