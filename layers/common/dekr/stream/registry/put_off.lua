-- Leaves the greeting of a connection to the next caller of greet.
-- KEYS: see registry.lua. ARGV: clock offset, id.
-- Returns 1, or 0 where there is no such connection.
local id = ARGV[2]

local record = unpacked(connections, id)
if not record then return 0 end
record.greeted = nil
keep_packed(connections, id, record)
return 1
