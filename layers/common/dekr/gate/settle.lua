-- Ends a fetch: leaves a message about its outcome for those who wait, and adds what was observed to each family's breaker.
-- KEYS: lease of the datum, pause, then the families that were called.
-- ARGV: clock offset, token of the fetch, message to leave ('' for none), its life in ms, pause in us (0 for none), then for each
--       family: good calls, bad calls, how many of these were slow failures after the last good one, 1 where one of them brought data, 1 where the upstream was out of reach at last, 1 where
--       the plan refused a call, the ticker refused ('' where the refused call was for no certain one).
-- Returns now.
local lease, pause = KEYS[1], KEYS[2]
local token, message, life_ms, pause_us = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local first_family, first_report, report_words = 3, 6, 7

-- Notes that the plan refused a family. The first refusal counts for its own fetch alone ('only'). One of another ticker, some time
-- later, is believed for all. After each further one the family is left alone for longer.
local function refuse(family, now, ticker)
  local kept = redis.call('HMGET', family, 'denied', 'denials', 'only', 'suspect', 'suspected')
  local denials, only = tonumber(kept[2] or 0), kept[3]
  local suspect, suspected = kept[4], tonumber(kept[5] or 0)
  -- What is refused while the family is left alone began before and says nothing new.
  if (not only or only == lease) and lasts_until(kept[1], now, MAX_DENIED_US) then return end
  if only and (ticker == '' or ticker ~= suspect) then
    if suspected <= now and now - suspected < CONFIRMED_AFTER_US then return end
    redis.call('HDEL', family, 'only')
    denials = 1
  else
    if denials == 0 then redis.call('HSET', family, 'suspect', ticker, 'suspected', whole_text(now)) end
    if only or denials == 0 then redis.call('HSET', family, 'only', lease) end
    denials = math.min(denials + 1, #DENIED_US)
  end
  redis.call('HSET', family, 'denied', whole_text(now + DENIED_US[denials]), 'denials', denials)
end

local now = now_us()

-- Only the holder of the lease leaves a message: a lease that has expired may be somebody else's by now.
if redis.call('GET', lease) == 'h:' .. token then
  if message == '' then redis.call('DEL', lease) else redis.call('SET', lease, message, 'PX', life_ms) end
end
if pause_us > 0 then redis.call('SET', pause, whole_text(now + pause_us), 'PX', math.ceil(pause_us / MS_US)) end

for i = first_family, #KEYS do
  local family, report = KEYS[i], first_report + (i - first_family) * report_words
  local good, bad = tonumber(ARGV[report]), tonumber(ARGV[report + 1])
  local slow, brought, unreachable = tonumber(ARGV[report + 2]), ARGV[report + 3] == '1', ARGV[report + 4] == '1'
  local refused, ticker = ARGV[report + 5] == '1', ARGV[report + 6]
  if unreachable then
    redis.call('HSET', family, 'unreachable', whole_text(now))
  else
    redis.call('HDEL', family, 'unreachable')
  end
  if brought then
    redis.call('HSET', family, 'succeeded', whole_text(now))
    -- Data prove that the plan includes the family.
    redis.call('HDEL', family, 'denied', 'denials', 'only', 'suspect', 'suspected')
  elseif refused then
    refuse(family, now, ticker)
  end

  local kept = redis.call('HMGET', family, 'open', 'window', 'good', 'bad', 'trips', 'slow')
  local open, window, trips = kept[1], tonumber(kept[2] or 0), tonumber(kept[5] or 0)
  local trip = false
  if lasts_until(open, now, MAX_OPEN_US) then
    -- Open: what ends now began before it opened and says nothing new.
  elseif open then
    -- It has been open: the first call that is observed decides.
    if good > 0 then
      redis.call('HDEL', family, 'open', 'probe', 'prober', 'window', 'good', 'bad', 'trips')
    elseif bad > 0 then
      trip = true
    end
  else
    -- Slow failures in a row count however far apart they are: each has kept a reader waiting.
    if good == 0 then slow = slow + tonumber(kept[6] or 0) end
    if now - window > BREAKER_WINDOW_US or is_too_far_ahead(window, now, 0) then
      redis.call('HSET', family, 'window', whole_text(now))
    else
      good, bad = good + tonumber(kept[3] or 0), bad + tonumber(kept[4] or 0)
    end
    redis.call('HSET', family, 'good', good, 'bad', bad, 'slow', slow)
    trip = slow >= SLOW_FAILURES_TO_OPEN or (bad >= FAILURES_TO_OPEN and bad >= good)
  end
  if trip then
    local open_us = math.min(FIRST_OPEN_US * 2 ^ trips, MAX_OPEN_US)
    redis.call('HDEL', family, 'probe', 'prober', 'window', 'good', 'bad', 'slow')
    redis.call('HSET', family, 'open', whole_text(now + open_us), 'trips', math.min(trips + 1, MAX_TRIPS))
  end
  redis.call('PEXPIRE', family, FAMILY_KEPT_MS)
end
return now
