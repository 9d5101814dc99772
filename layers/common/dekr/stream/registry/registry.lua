-- Functions of the registry's scripts. What belongs to a connection or a user is a packed table in the field of a hash.
-- All moments in tables are ms since the epoch. Where the store has lost one of the keys, the others still work and empty out.

-- connections: by id: state, address, opened, greeted (a token), and after sign-in: user, tier, key, ends (0: none), admitted, evicted.
-- opened: ids by when they connected. signing: ids by when their present step of the sign-in began. ends: ids by the end of
-- their token. addresses: by address, how many of its connections have not signed in. users: by user: sockets (when each was admitted,
-- by id) and evictions (their moments). symbols: by user: how many pairs of the user have each symbol. subscriptions: by id: held
-- and removed (by pair: when), floor. parked: by id: messages. arrivals: by id: the theoretical arrival time (us) of its
-- messages. tombstones: ids by when they were closed. totals: how many pairs, and connections without a sign-in, there are.
local connections, opened, signing, ends, addresses, users, symbols, subscriptions, parked, arrivals, tombstones, changes, totals, relay,
  wake = unpack(KEYS)

-- The table in a field of a hash; nil where there is none.
local function unpacked(key, field)
  local kept = redis.call('HGET', key, field)
  return kept and cmsgpack.unpack(kept) or nil
end

local function keep_packed(key, field, kept) redis.call('HSET', key, field, cmsgpack.pack(kept)) end

-- Adds to a counter in a hash, which is not there while it is 0.
local function add_to_count(key, field, by)
  if redis.call('HINCRBY', key, field, by) <= 0 then redis.call('HDEL', key, field) end
end

-- Adds to the numbers of connections that have not signed in.
local function count_unsigned(address, by)
  add_to_count(addresses, address, by)
  add_to_count(totals, 'unsigned', by)
end

-- The symbol of a pair.
local function symbol_of(pair) return string.match(pair, '%.(.+)$') end

-- The symbols of a user, each with the number of its pairs, and how many symbols there are.
local function symbols_of(user)
  local counted, distinct = unpacked(symbols, user) or {}, 0
  for _ in pairs(counted) do distinct = distinct + 1 end
  return counted, distinct
end

local function keep_symbols(user, counted)
  if next(counted) then keep_packed(symbols, user, counted) else redis.call('HDEL', symbols, user) end
end

-- Takes one pair off a user's count of its symbol.
local function uncount_symbol(counted, pair)
  local symbol = symbol_of(pair)
  if symbol == '*' or not counted[symbol] then return end
  counted[symbol] = counted[symbol] > 1 and counted[symbol] - 1 or nil
end

local function subscriptions_of(id) return unpacked(subscriptions, id) or {held = {}, removed = {}, floor = 0} end

-- Appends an entry to the change log. Its id is the present ms, or that of the entry before where the clock stepped back.
local function log_change(now, id, kind, record, at, pairs_taken, overtaken, since, snapshot)
  local now_ms, last = math.floor(now / MS_US), redis.call('XREVRANGE', changes, '+', '-', 'COUNT', 1)[1]
  if last then now_ms = math.max(now_ms, tonumber(string.match(last[1], '^%d+'))) end
  redis.call('XADD', changes, 'MINID', whole_text(now_ms - CHANGES_KEPT_MS), whole_text(now_ms) .. '-*',
    'connection', id, 'kind', kind, 'at', whole_text(at), 'pairs', table.concat(pairs_taken, ' '),
    'overtaken', table.concat(overtaken, ' '), 'since', since, 'snapshot', snapshot,
    'user', record.user or '', 'tier', record.tier or 0, 'key', record.key or '', 'ends', whole_text(record.ends or 0),
    'opened', whole_text(record.opened))
  redis.call('XTRIM', changes, 'MAXLEN', '~', MAX_CHANGES)
end

-- Takes a connection out of everything, and remembers that it was closed.
local function forget(now, id, record, at)
  local user = record.user
  if user then
    local counted, held = symbols_of(user), 0
    for pair in pairs(subscriptions_of(id).held) do
      uncount_symbol(counted, pair)
      held = held + 1
    end
    keep_symbols(user, counted)
    if held > 0 then add_to_count(totals, 'pairs', -held) end
    local kept = unpacked(users, user) or {sockets = {}}
    kept.sockets[id] = nil
    if next(kept.sockets) then keep_packed(users, user, kept) else redis.call('HDEL', users, user) end
    log_change(now, id, 'gone', record, at, {}, {}, '', '0')
  else
    count_unsigned(record.address, -1)
  end
  for _, key in ipairs({connections, subscriptions, parked, arrivals}) do redis.call('HDEL', key, id) end
  for _, key in ipairs({opened, signing, ends}) do redis.call('ZREM', key, id) end
end

-- Remembers that a connection was closed, so that a late $connect does not enter it.
local function bury(now, id)
  local now_ms = math.floor(now / MS_US)
  redis.call('ZADD', tombstones, whole_text(now_ms), id)
  redis.call('ZREMRANGEBYSCORE', tombstones, '-inf', '(' .. whole_text(now_ms - TOMBSTONE_MS))
  redis.call('ZREMRANGEBYRANK', tombstones, 0, -MAX_TOMBSTONES - 1)
end

-- The ids of sockets (a table with the moment of each one's admission by its id), the oldest first.
local function oldest_first(sockets)
  local ids = {}
  for id in pairs(sockets) do ids[#ids + 1] = id end
  table.sort(ids, function(a, b) return sockets[a] < sockets[b] or (sockets[a] == sockets[b] and a < b) end)
  return ids
end

-- Takes out the first of these connections until ``surplus`` are gone, but at most so many. Returns their ids.
local function evict(now, ids, surplus, at_most, at)
  local evicted = {}
  for i = 1, math.min(surplus, at_most) do
    local record = unpacked(connections, ids[i])
    if record then forget(now, ids[i], record, at) end
    bury(now, ids[i])
    evicted[i] = ids[i]
  end
  return evicted
end

-- Whether a tier may have a pair at all.
local function may_have(tier, pair)
  if TIER_STREAMS[tier] == 0 then return false end
  local tiers = TIERS_WITH_ALL[pair]
  return not tiers or tiers[tier] == 1
end

-- Forgets the oldest half of the removals where there are too many. What is older than those counts as overtaken from then on.
local function bound_removals(own)
  local moments = {}
  for _, moment in pairs(own.removed) do moments[#moments + 1] = moment end
  if #moments <= MAX_REMOVED then return end
  table.sort(moments)
  own.floor = math.max(own.floor, moments[math.ceil(#moments / 2)])
  for pair, moment in pairs(own.removed) do
    if moment <= own.floor then own.removed[pair] = nil end
  end
end

-- Applies a message of a connection that listens: its kind ('add' or 'remove'), moment ``at``, pairs, since and snapshot. Adds to
-- ``outcome``: over, refused, and whether it ``wants`` a relay. Writes one entry of the change log.
local function apply_change(now, id, record, message, outcome)
  local own, counted, distinct = subscriptions_of(id), symbols_of(record.user)
  local taken, overtaken, gained = {}, {}, 0
  for _, pair in ipairs(message.pairs) do
    local held = own.held[pair]
    local adds, symbol = message.kind == 'add', symbol_of(pair)
    if adds and not may_have(record.tier, pair) then
      table.insert(outcome.refused, pair)
    elseif message.at < (held or own.removed[pair] or own.floor) then
      table.insert(overtaken, pair)
    elseif not adds then
      if held then
        uncount_symbol(counted, pair)
        gained = gained - 1
      end
      own.held[pair], own.removed[pair] = nil, message.at
      table.insert(taken, pair)
    elseif not held and symbol ~= '*' and not counted[symbol] and distinct >= TIER_SYMBOLS[record.tier] then
      table.insert(outcome.over, pair)
    else
      if not held then
        if symbol ~= '*' then
          if not counted[symbol] then distinct = distinct + 1 end
          counted[symbol] = (counted[symbol] or 0) + 1
        end
        gained = gained + 1
      end
      own.held[pair], own.removed[pair] = message.at, nil
      table.insert(taken, pair)
      outcome.wants = true
    end
  end
  if #taken > 0 then
    bound_removals(own)
    keep_packed(subscriptions, id, own)
    keep_symbols(record.user, counted)
    if gained ~= 0 then add_to_count(totals, 'pairs', gained) end
  end
  if #taken + #overtaken > 0 then
    log_change(now, id, message.kind, record, message.at, taken, overtaken, message.since, message.snapshot)
  end
end

-- Whether no relay runs and the caller is the one to start it. ``caller``: the same when the same command is sent again.
local function is_to_wake(now, caller)
  local kept = redis.call('HMGET', relay, 'state', 'beat')
  local beat = tonumber(kept[2] or 0)
  if kept[1] == 'running' and math.abs(now - beat) <= SILENT_RELAY_US then return false end
  local guard = redis.call('HMGET', wake, 'until', 'caller')
  if lasts_until(guard[1], now, WAKE_US + CLOCK_TOLERANCE_US) then return guard[2] == caller end
  redis.call('HSET', wake, 'until', whole_text(now + WAKE_US), 'caller', caller)
  return true
end

local function number_of(flag) return flag and 1 or 0 end
