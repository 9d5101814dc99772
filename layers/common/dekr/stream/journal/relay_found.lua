-- Begins a generation, or goes on with it, and settles up to which tick everything is known to be written.
-- KEYS: the relay's hash. ARGV: clock offset, epoch, generation, that tick.
-- Returns 1, or 0 where another relay's fence stands.
local relay = KEYS[1]
local epoch, generation, complete = ARGV[2], ARGV[3], ARGV[4]
if redis.call('HGET', relay, 'epoch') ~= epoch then return 0 end
redis.call('HSET', relay, 'generation', generation, 'tick', complete, 'complete', complete, 'parts', '')
return 1
