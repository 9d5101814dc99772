-- Gives the sockets of a user that came with the same key another tier, and removes what it does not allow.
-- KEYS: see registry.lua. ARGV: clock offset, id of one of the sockets, user, tier.
-- Returns {state, 0, pairs of this socket over the limit, pairs of this socket refused, 0, ids of evicted sockets}.
local id, user, tier = ARGV[2], ARGV[3], tonumber(ARGV[4])

local record = unpacked(connections, id)
if not record then return {'gone', 0, {}, {}, 0, {}} end
if record.user ~= user then return {record.state, 0, {}, {}, 0, {}} end

local now = now_us()
local now_ms = math.floor(now / MS_US)
-- The sockets of this key, the oldest first. The newest stays in any case.
local known = unpacked(users, user) or {sockets = {}}
known.sockets[id] = known.sockets[id] or record.admitted
local sockets, records, ours = oldest_first(known.sockets), {}, {}
for _, each in ipairs(sockets) do
  local found = unpacked(connections, each)
  if found and found.key == record.key then
    ours[#ours + 1], records[each] = each, found
  end
end
local evicted = evict(now, ours, #sockets - TIER_SOCKETS[tier], #ours - 1, now_ms)
for _, each in ipairs(evicted) do
  records[each], known.sockets[each] = nil, nil
end

-- A symbol is as old as the oldest of its pairs on any socket of the user; the newest symbols go.
local oldest, names, allowed = {}, {}, {}
for each in pairs(known.sockets) do
  for pair, moment in pairs(subscriptions_of(each).held) do
    local symbol = symbol_of(pair)
    if symbol ~= '*' then
      if not oldest[symbol] then names[#names + 1] = symbol end
      oldest[symbol] = math.min(oldest[symbol] or moment, moment)
    end
  end
end
table.sort(names, function(a, b) return oldest[a] < oldest[b] or (oldest[a] == oldest[b] and a < b) end)
for i = 1, math.min(#names, TIER_SYMBOLS[tier]) do allowed[names[i]] = true end

local counted, outcome, lost = symbols_of(user), {over = {}, refused = {}}, 0
for i = #evicted + 1, #ours do
  local each, taken = ours[i], {}
  local found, subscribed = records[each], subscriptions_of(each)
  for pair in pairs(subscribed.held) do
    local has_feature, symbol = may_have(tier, pair), symbol_of(pair)
    if not has_feature or not (symbol == '*' or allowed[symbol]) then
      taken[#taken + 1] = pair
      if each == id then table.insert(has_feature and outcome.over or outcome.refused, pair) end
    end
  end
  for _, pair in ipairs(taken) do
    subscribed.held[pair] = nil
    uncount_symbol(counted, pair)
  end
  found.tier = tier
  keep_packed(connections, each, found)
  if #taken > 0 then
    lost = lost + #taken
    table.sort(taken)
    keep_packed(subscriptions, each, subscribed)
    log_change(now, each, 'remove', found, now_ms, taken, {}, '', '0')
  end
end
keep_symbols(user, counted)
if lost > 0 then add_to_count(totals, 'pairs', -lost) end
table.sort(outcome.over)
table.sort(outcome.refused)
return {records[id] and record.state or 'gone', 0, outcome.over, outcome.refused, 0, evicted}
