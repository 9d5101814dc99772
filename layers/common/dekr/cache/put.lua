-- Writes entries of one slot where they are newer than what is kept. An entry starts with the digits of its stamp, always as many,
-- so that stamps compare as text.
-- KEYS: the entries. ARGV: clock offset, then for each entry its text and for how many ms the store keeps it.
-- Returns how many were written. Of two entries with the same stamp the later one is kept: a value may replace the stand-in of
-- its own fetch. An entry from before the clock stepped back, and what is no entry, is always replaced.
local written = 0
for i, key in ipairs(KEYS) do
  local entry, keep_ms = ARGV[2 * i], ARGV[2 * i + 1]
  local kept = redis.call('GETRANGE', key, 0, STAMP_DIGITS - 1)
  -- The clock is read only for a kept entry that is newer, which is rare.
  if
    kept <= string.sub(entry, 1, STAMP_DIGITS)
    or is_too_far_ahead(tonumber(kept) or math.huge, now_us(), CLOCK_TOLERANCE_US)
  then
    redis.call('SET', key, entry, 'PX', keep_ms)
    written = written + 1
  end
end
return written
