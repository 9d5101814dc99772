-- Reads a stream.
-- KEYS: the user's records, the user's specs. ARGV: clock offset, id of the stream.
-- Returns {state (ended where it is over), until which moment (us), connected since (us, 0: never), connection, spec}, or nothing
-- where there is no such stream.
local records, specs, stream = KEYS[1], KEYS[2], ARGV[2]

local state, until_us, since_us, connection = read_record(redis.call('HGET', records, stream))
local spec = redis.call('HGET', specs, stream)
if not state or not spec then return false end
if is_over(state, until_us, now_us()) then state = 'ended' end
return {state, until_us, since_us, connection, spec}
