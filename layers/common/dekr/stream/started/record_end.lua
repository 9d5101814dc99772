-- Ends a stream: its ticket is worth nothing any more.
-- KEYS: the user's records. ARGV: clock offset, id of the stream.
-- Returns the connection that it had ('-': none), or nothing where there is no such stream.
local records, stream = KEYS[1], ARGV[2]

local state, until_us, since_us, connection = read_record(redis.call('HGET', records, stream))
if not state then return false end
-- A stream that is over keeps the moment at which it was.
local now = now_us()
if not is_over(state, until_us, now) then until_us = now end
redis.call('HSET', records, stream, record_text('ended', until_us, since_us, connection))
return connection
