-- Functions that the scripts of the record of demand share.

-- The weight of a request that is made now. It doubles in each half-life, so that older requests count less and less beside newer
-- ones and no score is ever rewritten (forward decay: Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009).
local function weight_of_request(now, half_life_us) return 2 ^ ((now - SCORES_SINCE_US) / half_life_us) end

-- The part that is left now of a sum that was written at a stored moment: it falls to 1/e in each span.
local function part_left(stored, now, span_us)
  return math.exp(-math.max(now - tonumber(stored or now), 0) / span_us)
end

-- Lua hands over 7 999 values at once and no more, and a serverless cache takes 3 999 arguments of a command.
local MEMBERS_AT_ONCE = 1000

-- The scores of any number of members of a sorted set, false for one that it does not have.
local function scores_of(key, members)
  local scores = {}
  for first = 1, #members, MEMBERS_AT_ONCE do
    local last = math.min(first + MEMBERS_AT_ONCE - 1, #members)
    for _, score in ipairs(redis.call('ZMSCORE', key, unpack(members, first, last))) do scores[#scores + 1] = score end
  end
  return scores
end

-- Gives members of a sorted set this score, unless theirs is higher.
local function raise_scores(key, score, members)
  for first = 1, #members, MEMBERS_AT_ONCE do
    local pairs_of_words = {}
    for i = first, math.min(first + MEMBERS_AT_ONCE - 1, #members) do
      pairs_of_words[#pairs_of_words + 1] = score
      pairs_of_words[#pairs_of_words + 1] = members[i]
    end
    redis.call('ZADD', key, 'GT', unpack(pairs_of_words))
  end
end

-- Keeps the members with the highest scores.
local function keep_highest(key, most)
  local over = redis.call('ZCARD', key) - most
  if over > 0 then redis.call('ZREMRANGEBYRANK', key, 0, over - 1) end
end

-- Forgets fetches from before the clock stepped back.
local function drop_stamps_ahead(stamps, now)
  redis.call('ZREMRANGEBYSCORE', stamps, farther_than(now, CLOCK_TOLERANCE_US), '+inf')
end

local function expire_all(keys)
  for _, key in ipairs(keys) do redis.call('EXPIRE', key, RECORD_KEPT_S) end
end
