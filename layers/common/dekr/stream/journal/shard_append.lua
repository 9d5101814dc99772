-- Appends one tick to the log of a shard, with the numbers and the coverage of its pairs.
-- KEYS: the shard's log, its hash.
-- ARGV: clock offset, epoch, generation, tick, oldest tick to keep, life of the log in ms, the events, lines 'pair number' with
--       the last number of each pair, and then, separated by spaces, pairs covered from this tick on, pairs not covered any more.
-- Returns 1, also for a tick that the shard has already; or 0 and writes nothing where another relay's fence stands, or where the
-- shard has lost its memory.
local log, meta = KEYS[1], KEYS[2]
local epoch, generation, tick, oldest, life_ms, events = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local numbers, covered, uncovered = ARGV[8], ARGV[9], ARGV[10]

local kept = redis.call('HMGET', meta, 'e', 'g', 't')
if kept[1] ~= epoch or kept[2] ~= generation then return 0 end
-- Sent again after a lost reply, or late on a connection that was given up.
if tonumber(kept[3]) >= tonumber(tick) then return 1 end

redis.call('XADD', log, 'MINID', '~', oldest .. '-0', tick .. '-0', 'p', kept[3], 'b', events)
redis.call('PEXPIRE', log, life_ms)
for pair, number in string.gmatch(numbers, '(%S+) (%S+)') do redis.call('HSET', meta, 'n:' .. pair, number) end
for pair in string.gmatch(uncovered, '%S+') do redis.call('HDEL', meta, 'c:' .. pair) end
for pair in string.gmatch(covered, '%S+') do redis.call('HSET', meta, 'c:' .. pair, tick) end
redis.call('HSET', meta, 't', tick)
return 1
