-- Gives a stream that waits to the connection that shows its ticket.
-- KEYS: the user's records, the user's specs. ARGV: clock offset, id of the stream, the connection.
-- Returns the stream's spec, or nothing where it does not wait (any more). The same connection may ask again: the command may be
-- sent twice after a broken connection to the store.
local records, specs = KEYS[1], KEYS[2]
local stream, newcomer = ARGV[2], ARGV[3]

local state, until_us, _, connection = read_record(redis.call('HGET', records, stream))
if state == 'connected' and connection == newcomer then return redis.call('HGET', specs, stream) end
local now = now_us()
if state ~= 'waiting' or is_over(state, until_us, now) then return false end
redis.call('HSET', records, stream, record_text('connected', now + CONNECTED_US, now, newcomer))
redis.call('PEXPIRE', records, KEPT_MS)
redis.call('PEXPIRE', specs, KEPT_MS)
return redis.call('HGET', specs, stream)
