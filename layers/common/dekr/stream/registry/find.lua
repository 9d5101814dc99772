-- Reads connections that listen.
-- KEYS: see registry.lua. ARGV: clock offset, ids.
-- Returns for each that there is: {id, when it connected, user, tier, key, end of the token, then its pairs}.
local first_id, found = 2, {}
for i = first_id, #ARGV do
  local id = ARGV[i]
  local record = unpacked(connections, id)
  if record and record.state == 'listening' then
    local listener = {id, record.opened, record.user, record.tier, record.key, record.ends}
    for pair in pairs(subscriptions_of(id).held) do listener[#listener + 1] = pair end
    found[#found + 1] = listener
  end
end
return found
