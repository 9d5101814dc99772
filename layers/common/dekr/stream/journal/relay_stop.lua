-- Says that no relay runs, unless the change log has something newer than this relay has read.
-- KEYS: the relay's hash, the change log. ARGV: clock offset, epoch, position in the change log.
-- Returns 1, also where this relay has stopped already or another runs; 0 where there is something newer.
local relay, changes = KEYS[1], KEYS[2]
local epoch, after = ARGV[2], ARGV[3]
local kept = redis.call('HMGET', relay, 'epoch', 'state')
if kept[1] ~= epoch or kept[2] ~= 'running' then return 1 end
if #redis.call('XRANGE', changes, '(' .. after, '+', 'COUNT', 1) > 0 then return 0 end
redis.call('HSET', relay, 'state', 'stopped', 'changes', after)
return 1
