-- Begins a generation in a shard. A shard without one has lost its memory, and with it what its log means.
-- KEYS: the shard's log, its hash. ARGV: clock offset, epoch, generation, the last tick of any shard.
-- Returns 1, or 0 where another relay's fence stands.
local log, meta = KEYS[1], KEYS[2]
local epoch, generation, tick = ARGV[2], ARGV[3], ARGV[4]
if redis.call('HGET', meta, 'e') ~= epoch then return 0 end
if not redis.call('HGET', meta, 'g') then
  -- What was logged up to this tick is lost; the chain of ticks goes on from here and shows it.
  redis.call('DEL', log)
  redis.call('HSET', meta, 't', tick)
end
redis.call('HSET', meta, 'g', generation)
return 1
