-- Raises the fence of a shard and reads what is known of its pairs.
-- KEYS: the shard's hash. ARGV: clock offset, epoch.
-- Returns {1, the hash}, or {0} where a later relay has raised the fence higher.
local meta = KEYS[1]
local epoch = ARGV[2]
if tonumber(redis.call('HGET', meta, 'e') or 0) > tonumber(epoch) then return {0} end
redis.call('HSET', meta, 'e', epoch)
return {1, redis.call('HGETALL', meta)}
