-- Decides whether this sandbox may call the upstream for a datum now: single flight, entitlement, breaker and budget at once.
-- KEYS: lease of the datum, lease of another fetch that may bring this datum, too (again the first where there is none), log of all
--       calls, log of the user's calls (again that of all where it is nobody's fetch), pause, then the endpoint families to try in
--       order.
-- ARGV: clock offset, token of the fetch, lease in ms, floor in us, calls allowed in the window, window in us, number of the
--       call in the fetch, calls that the fetch has yet to make (of those allowed), 1 to look past a finished fetch.
-- Returns {now, verdict, detail}:
--   go      and the number of the family to call: the caller holds the lease and the call stands in the log
--   wait    while somebody else holds a lease
--   done    and the stamp of a finished fetch that is new enough
--   failed  and the code of the error with which somebody else's fetch has just ended
--   denied  where the plan is believed to include none of the families, for this datum or for all
--   open    and the moment until which the breaker of the first family that the plan includes is open; unreachable in its place
--           where the last call of that family found no connection
--   spent   where the budget or a pause allows no call of this tier, and the moment from which the calls are possible
--   share   where what is left is kept for others than this user, and the moment from which the user may make the calls
local lease, log, pause, first_family = KEYS[1], KEYS[3], KEYS[5], 6
local covered_by, user_log = KEYS[2] ~= lease and KEYS[2] or nil, KEYS[4] ~= log and KEYS[4] or nil
local token, lease_ms, floor_us = ARGV[2], ARGV[3], tonumber(ARGV[4])
local allowed, window_us = tonumber(ARGV[5]), tonumber(ARGV[6])
local call, to_make, reread = token .. ':' .. ARGV[7], tonumber(ARGV[8]), ARGV[9] == '1'
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
    if held or done then
      redis.call('ZREM', log, call)
      if user_log then redis.call('ZREM', user_log, call) end
    end
    if held then return {now, 'wait', 0} end
    if done then return {now, 'done', detail} end
    if state == 'f' and key == lease then return {now, 'failed', detail} end
  end
end

local chosen, probed
for i = first_family, #KEYS do
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

-- Whether a user who has made ``mine`` of the ``used`` calls has made most of them, and what is left is kept for others.
local others_part = math.ceil(allowed / KEPT_DIVISOR)
local function is_for_others(used, mine) return used > allowed - others_part and mine * MOST_DIVISOR >= used end

local until_us = lasts_until(redis.call('GET', pause), now, LONGEST_PAUSE_US)
local refusal = until_us and 'spent'
if not redis.call('ZSCORE', log, call) then
  local used = calls_in_window(log, now, window_us)
  local mine = user_log and calls_in_window(user_log, now, window_us)
  if used >= allowed then refusal = 'spent' end
  if mine and is_for_others(used, mine) then refusal = refusal or 'share' end
  if refusal then
    -- The calls are possible together when the last of them is. A user may make only so many that the others' part stays free.
    local before_last, max_used = to_make - 1, allowed - to_make
    if mine and is_for_others(math.min(used, max_used) + before_last, mine + before_last) then
      max_used = math.max(allowed - others_part - before_last, 0)
    end
    until_us = math.max(until_us or now, moment_with_calls(log, now, window_us, used, max_used))
  else
    redis.call('ZADD', log, whole_text(now), call)
    if user_log then
      redis.call('ZADD', user_log, whole_text(now), call)
      redis.call('PEXPIRE', user_log, whole_text(window_us / MS_US))
    end
  end
end
if refusal then return {now, refusal, until_us} end
redis.call('SET', lease, own, 'PX', lease_ms)
if probed then redis.call('HSET', probed, 'probe', whole_text(now + lease_ms * MS_US), 'prober', token) end
return {now, 'go', chosen}
