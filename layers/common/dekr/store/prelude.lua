-- Functions for every script. dekr.store.command.load_script puts those that a script uses before it, block by block: a blank
-- line ends a block. All moments are microseconds since the epoch.

local SECOND_US = 1000000
local MS_US = 1000

-- The store's clock. The first argument of every script is added to it: the clock offset, which only tests and the local cloud set.
local function now_us()
  local time = redis.call('TIME')
  return time[1] * SECOND_US + time[2] + tonumber(ARGV[1])
end

-- A whole number as text; Lua's own text has 14 digits and an exponent.
local function whole_text(number) return string.format('%.0f', number) end

-- A number with a fraction as text that reads back as the same number.
local function exact_text(number) return string.format('%.17g', number) end

-- Whether a moment was written before the clock stepped back: it is farther ahead of now than such moments ever are.
local function is_too_far_ahead(moment, now, farthest_us) return not (moment <= now + farthest_us) end

-- The lower bound of the scores in a sorted set that lie farther ahead of now than this, for a range that ends with '+inf'.
local function farther_than(now, farthest_us) return '(' .. whole_text(now + farthest_us) end

-- The moment, as it was stored or nil, until which something lasts; false where it has passed or was written before the clock
-- stepped back.
local function lasts_until(stored, now, longest_us)
  local moment = tonumber(stored or 0)
  return moment > now and not is_too_far_ahead(moment, now, longest_us) and moment
end
