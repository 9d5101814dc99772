-- Takes a connection out.
-- KEYS: see registry.lua. ARGV: clock offset, id, moment of the message.
-- Returns 1 where there was one, else 0.
local id, at = ARGV[2], tonumber(ARGV[3])

local now, record = now_us(), unpacked(connections, id)
bury(now, id)
if record then forget(now, id, record, at) end
return number_of(record)
