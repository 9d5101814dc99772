-- Writes the relay's beat, and the checkpoint of a tick whose events were sent to the shards before this.
-- KEYS: the relay's hash, the checkpoint.
-- ARGV: clock offset, epoch, generation, tick, last tick before it that is complete, the shards that this tick writes to, position in
--       the change log after which this tick reads, checkpoint.
-- Returns 1; or 0 and writes nothing where another relay's fence stands, where none runs, or where the state is lost.
local relay, position = KEYS[1], KEYS[2]
local epoch, generation, tick, complete, parts = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local changes, checkpoint = ARGV[7], ARGV[8]

local now = now_us()
local kept = redis.call('HMGET', relay, 'epoch', 'generation', 'state', 'tick')
if kept[1] ~= epoch or kept[2] ~= generation or kept[3] ~= 'running' then return 0 end
local last = tonumber(kept[4] or 0)
if last < tonumber(tick) then
  redis.call('HSET', relay, 'tick', tick, 'complete', complete, 'parts', parts, 'changes', changes)
  redis.call('SET', position, checkpoint)
end
-- A tick that is here already was sent again; one before it comes late on a connection that was given up.
if last <= tonumber(tick) then redis.call('HSET', relay, 'beat', whole_text(now)) end
return 1
