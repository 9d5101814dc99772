-- Decides whether this sandbox may call the upstream for a datum now: single flight, entitlement, breaker and budget at once.
-- KEYS: lease of the datum, log of calls, pause, then the endpoint families to try in order, then maybe the lease of another
--       fetch that may bring this datum, too.
-- ARGV: clock offset, token of the fetch, lease in ms, floor in us, calls allowed in the window, window in us, number of the
--       call in the fetch, 1 to look past a finished fetch, 1 where the last key is such another lease.
-- Returns {now, verdict, detail}:
--   go      and the number of the family to call: the caller holds the lease and the call stands in the log
--   wait    while somebody else holds a lease
--   done    and the stamp of a finished fetch that is new enough
--   failed  and the code of the error with which somebody else's fetch has just ended
--   denied  where the plan is believed to include none of the families, for this datum or for all
--   open    and the moment until which the breaker of the first family that the plan includes is open; unreachable in its place
--           where the last call of that family found no connection
--   spent   and the moment until which the budget or a pause allows no call
local lease, log, pause = KEYS[1], KEYS[2], KEYS[3]
local token, lease_ms, floor_us = ARGV[2], ARGV[3], tonumber(ARGV[4])
local allowed, window_us = tonumber(ARGV[5]), tonumber(ARGV[6])
local call, reread, is_covered = token .. ':' .. ARGV[7], ARGV[8] == '1', ARGV[9] == '1'
local first_family, last_family = 4, is_covered and #KEYS - 1 or #KEYS
local covered_by = is_covered and KEYS[#KEYS] or nil
local own = 'h:' .. token

local now = now_us()

-- A lease is 'h:' and its holder's token, or how its fetch has just ended: 'd:' and the stamp, or 'f:' and the error's code.
for i, key in ipairs({lease, covered_by}) do
  local kept = redis.call('GET', key)
  if kept and kept ~= own then
    local state, detail = string.sub(kept, 1, 1), string.sub(kept, 3)
    local held, done = state == 'h', false
    if state == 'd' then
      local stamp = tonumber(detail)
      done = not reread and stamp > floor_us and not is_too_far_ahead(stamp, now, CLOCK_TOLERANCE_US)
    end
    -- Whoever waits or reads makes no call now: one that was paid for another fetch is given back.
    if held or done then redis.call('ZREM', log, call) end
    if held then return {now, 'wait', 0} end
    if done then return {now, 'done', detail} end
    if state == 'f' and key == lease then return {now, 'failed', detail} end
  end
end

local chosen, probed
for i = first_family, last_family do
  local family = KEYS[i]
  local kept = redis.call('HMGET', family, 'denied', 'only', 'open', 'probe', 'prober', 'unreachable')
  local denied, only, open, probe, prober = kept[1], kept[2], kept[3], kept[4], kept[5]
  -- Where the breaker has been open or the plan has refused the family, one fetch at a time probes whether it works again.
  local probed_until_us = prober ~= token and lasts_until(probe, now, MAX_LEASE_US)
  local lacking = false
  if denied and only then
    lacking = only == lease and lasts_until(denied, now, MAX_DENIED_US)
  elseif denied then
    lacking = lasts_until(denied, now, MAX_DENIED_US) or probed_until_us
  end
  if not lacking then
    local until_us = open and (lasts_until(open, now, MAX_OPEN_US) or probed_until_us)
    if until_us then return {now, kept[6] and 'unreachable' or 'open', until_us} end
    if open or (denied and not only) then probed = family end
    chosen = i - first_family + 1
    break
  end
end
if not chosen then return {now, 'denied', 0} end

local paused_us = lasts_until(redis.call('GET', pause), now, LONGEST_PAUSE_US)
if paused_us then return {now, 'spent', paused_us} end

if not redis.call('ZSCORE', log, call) then
  local free_us = next_call_us(log, now, window_us, allowed)
  if free_us then return {now, 'spent', free_us} end
  redis.call('ZADD', log, whole_text(now), call)
end
redis.call('SET', lease, own, 'PX', lease_ms)
if probed then redis.call('HSET', probed, 'probe', whole_text(now + lease_ms * MS_US), 'prober', token) end
return {now, 'go', chosen}
