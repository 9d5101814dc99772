-- Signs a connection in; the newest socket of a user wins.
-- KEYS: see registry.lua. ARGV: clock offset, id, user, tier, key, end of the token (0: none), moment of the message.
-- Returns {state, ids of evicted sockets, 1 where the sign-in is refused, 1 where the connection is another user's}.
local id, user, tier, key = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local ends_at, at = tonumber(ARGV[6]), tonumber(ARGV[7])

local record = unpacked(connections, id)
if not record then return {'gone', {}, 0, 0} end
if record.user then
  -- The command may be sent again after a broken connection.
  local evicted = record.user == user and record.admitted == at and record.evicted or {}
  return {record.state, evicted, 0, number_of(record.user ~= user)}
end

local now = now_us()
local now_ms = math.floor(now / MS_US)
local known = unpacked(users, user) or {sockets = {}, evictions = {}}
local sockets, recent = oldest_first(known.sockets), {}
local surplus = #sockets + 1 - TIER_SOCKETS[tier]
for _, moment in ipairs(known.evictions) do
  if moment <= now_ms and now_ms - moment < EVICTIONS_KEPT_MS then recent[#recent + 1] = moment end
end
if surplus > 0 and #recent >= MAX_EVICTIONS then return {record.state, {}, 1, 0} end

local evicted = evict(now, sockets, surplus, #sockets, at)
for _, each in ipairs(evicted) do
  known.sockets[each] = nil
  recent[#recent + 1] = now_ms
end
known.sockets[id], known.evictions = at, recent
keep_packed(users, user, known)
count_unsigned(record.address, -1)
record.state, record.user, record.tier, record.key = 'admitted', user, tier, key
record.ends, record.admitted, record.evicted = ends_at, at, evicted
keep_packed(connections, id, record)
redis.call('ZADD', signing, whole_text(now_ms), id)
if ends_at > 0 then redis.call('ZADD', ends, whole_text(ends_at), id) end
return {record.state, evicted, 0, 0}
