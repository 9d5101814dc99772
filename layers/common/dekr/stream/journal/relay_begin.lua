-- Raises the fence of the relay's state, says that a relay runs, and reads what the one before has left.
-- KEYS: the relay's hash, the checkpoint. ARGV: clock offset, epoch.
-- Returns {now, 1, the hash as it was, the checkpoint or ''}, or {now, 0} where a later relay has begun.
local relay, checkpoint = KEYS[1], KEYS[2]
local epoch = ARGV[2]
local now = now_us()
if tonumber(redis.call('HGET', relay, 'epoch') or 0) > tonumber(epoch) then return {now, 0} end
local before = redis.call('HGETALL', relay)
redis.call('HSET', relay, 'epoch', epoch, 'state', 'running', 'beat', whole_text(now))
return {now, 1, before, redis.call('GET', checkpoint) or ''}
