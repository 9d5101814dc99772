-- Decides who greets a connection.
-- KEYS: see registry.lua. ARGV: clock offset, id, token of the caller.
-- Returns 1 for the first caller, also when the same command is sent again; else 0.
local id, token = ARGV[2], ARGV[3]

local record = unpacked(connections, id)
if not record then return 0 end
if not record.greeted then
  record.greeted = token
  keep_packed(connections, id, record)
end
return number_of(record.greeted == token)
