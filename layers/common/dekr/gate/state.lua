-- The store's clock, and until when each family's breaker is open. KEYS: the families. ARGV: clock offset.
local t = redis.call('TIME')
local state = {t[1] * 1000000 + t[2] + tonumber(ARGV[1])}
for i, key in ipairs(KEYS) do
  state[i + 1] = redis.call('HGET', key, 'open') or '0'
end
return state
