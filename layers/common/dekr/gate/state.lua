-- Reads what is known of each endpoint family.
-- KEYS: the families. ARGV: clock offset.
-- Returns {now, then for each family: the moment until which its breaker is or was open, the moment until which the plan is believed
-- to lack it, the moments of its last answer with data and of its last call if that found no connection; '0' where there is none}.
local state = {now_us()}
for _, family in ipairs(KEYS) do
  local kept = redis.call('HMGET', family, 'open', 'denied', 'only', 'succeeded', 'unreachable')
  local denied = not kept[3] and kept[2]
  for _, word in ipairs({kept[1] or '0', denied or '0', kept[4] or '0', kept[5] or '0'}) do state[#state + 1] = word end
end
return state
