-- Enters a new connection.
-- KEYS: see registry.lua. ARGV: clock offset, id, address, moment of the connect.
-- Returns 1, or 0 where it is refused.
local id, address, at = ARGV[2], ARGV[3], tonumber(ARGV[4])

local now_ms = math.floor(now_us() / MS_US)
-- The command may be sent again after a broken connection.
if redis.call('HEXISTS', connections, id) == 1 then return 1 end
local closed = tonumber(redis.call('ZSCORE', tombstones, id) or nil)
if closed and now_ms - closed <= TOMBSTONE_MS then return 0 end
if tonumber(redis.call('HGET', addresses, address) or 0) >= MAX_OF_AN_ADDRESS then return 0 end
if tonumber(redis.call('HGET', totals, 'unsigned') or 0) >= MAX_UNSIGNED then return 0 end

if math.abs(now_ms - at) > CLOCKS_APART_MS then at = now_ms end
count_unsigned(address, 1)
keep_packed(connections, id, {state = 'new', address = address, opened = at})
redis.call('ZADD', opened, whole_text(at), id)
redis.call('ZADD', signing, whole_text(at), id)
return 1
