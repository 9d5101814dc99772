-- Replaces the spec of a stream that still waits, where it is what the caller has read.
-- KEYS: the user's records, the user's specs. ARGV: clock offset, id of the stream, the spec that was read, the new one.
-- Returns 1, or 0 where the stream does not wait (any more) or has another spec by now.
local records, specs = KEYS[1], KEYS[2]
local stream, before, spec = ARGV[2], ARGV[3], ARGV[4]

local state, until_us = read_record(redis.call('HGET', records, stream))
if state ~= 'waiting' or is_over(state, until_us, now_us()) then return 0 end
local held = redis.call('HGET', specs, stream)
-- The command may be sent again after a broken connection.
if held == spec then return 1 end
if held ~= before then return 0 end
redis.call('HSET', specs, stream, spec)
return 1
