-- Writes the record of a new stream of one user, and forgets the user's oldest ones where there are too many: those that are over
-- before those that wait, and these before those that are connected.
-- KEYS: the user's records, the user's specs. ARGV: clock offset, id of the stream, its spec.
-- Returns now.
local records, specs = KEYS[1], KEYS[2]
local stream, spec = ARGV[2], ARGV[3]
local ranks = {ended = 0, waiting = 1, connected = 2}

local now = now_us()
local held, kept = redis.call('HGETALL', records), {}
for i = 1, #held, 2 do
  local state, until_us = read_record(held[i + 1])
  local rank = is_over(state, until_us, now) and 0 or ranks[state]
  if rank == 0 and not lasts_until((until_us or 0) + ENDED_KEPT_US, now, LONGEST_US + ENDED_KEPT_US) then
    redis.call('HDEL', records, held[i])
    redis.call('HDEL', specs, held[i])
  elseif held[i] ~= stream then
    table.insert(kept, {name = held[i], rank = rank, until_us = until_us})
  end
end
table.sort(kept, function(a, b)
  if a.rank ~= b.rank then return a.rank < b.rank end
  return a.until_us < b.until_us
end)
for i = 1, #kept - (MAX_STREAMS - 1) do
  redis.call('HDEL', records, kept[i].name)
  redis.call('HDEL', specs, kept[i].name)
end

redis.call('HSET', records, stream, record_text('waiting', now + WAITING_US, 0, '-'))
redis.call('HSET', specs, stream, spec)
redis.call('PEXPIRE', records, KEPT_MS)
redis.call('PEXPIRE', specs, KEPT_MS)
return now
