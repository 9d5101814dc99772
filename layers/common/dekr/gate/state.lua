-- Reads until when each family's breaker is open.
-- KEYS: the families. ARGV: clock offset. Returns {now, then a moment for each family, '0' where its breaker is closed}.
local state = {now_us()}
for i, family in ipairs(KEYS) do
  state[i + 1] = redis.call('HGET', family, 'open') or '0'
end
return state
