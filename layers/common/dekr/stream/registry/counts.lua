-- Counts what is in the registry.
-- KEYS: see registry.lua. ARGV: clock offset.
-- Returns {connections, those that have signed in, users, pairs}.
local sockets, unsigned = redis.call('HLEN', connections), tonumber(redis.call('HGET', totals, 'unsigned') or 0)
return {sockets, sockets - unsigned, redis.call('HLEN', users), tonumber(redis.call('HGET', totals, 'pairs') or 0)}
