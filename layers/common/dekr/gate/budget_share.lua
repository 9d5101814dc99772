-- Grants one more call to a caller who may use only a part of the budget.
-- KEYS: log of the caller's calls. ARGV: clock offset, name of the call, calls allowed in the window, window in us.
-- Returns {now, 0} for a granted call, which then stands in the log, or {now, the moment from which there is one}.
local log = KEYS[1]
local call, allowed, window_us = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local now = now_us()
-- The command may be sent again after a broken connection.
if redis.call('ZSCORE', log, call) then return {now, 0} end
local used = calls_in_window(log, now, window_us)
if used >= allowed then return {now, moment_with_calls(log, now, window_us, used, allowed - 1)} end
redis.call('ZADD', log, whole_text(now), call)
redis.call('PEXPIRE', log, whole_text(window_us / MS_US))
return {now, 0}
