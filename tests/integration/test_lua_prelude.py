"""The rule for moments from before the clock stepped back, in a real Redis against a slow model."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import EntryCache, Write
from dekr.cache.freshness import is_fresh
from dekr.store import Command, Script, call, lua_text, plain
from dekr.store.link import Link
from tests.patience import patient
from tests.redis_servers import RedisServer

S = 1_000_000
DAY = 86_400 * S
PRELUDE = lua_text("dekr.store", "prelude")
RULE = Script(
    "rule",
    PRELUDE
    + """
local moment, now, farthest_us = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZADD', KEYS[1], ARGV[2], 'moment')
local beyond = redis.call('ZREMRANGEBYSCORE', KEYS[1], farther_than(now, farthest_us), '+inf')
redis.call('DEL', KEYS[1])
local last, none = lasts_until(ARGV[2], now, farthest_us), lasts_until(nil, now, farthest_us)
return {is_too_far_ahead(moment, now, farthest_us) and 1 or 0, beyond, last and whole_text(last) or '', none and 1 or 0}
""",
)
TEXT = Script("text", PRELUDE + "return {whole_text(tonumber(ARGV[2])), exact_text(tonumber(ARGV[3]))}")
NOW = Script("now", PRELUDE + "return {now_us(), redis.call('TIME')}")

once = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
small = st.integers(0, 30)


@once
@given(epoch=st.sampled_from([0, 1_800_000_000 * S]), now=small, moment=small, farthest=small)
def test_a_moment_counts_where_the_clock_may_have_written_it_on_its_way_to_now(
    link: Link, epoch: int, now: int, moment: int, farthest: int
) -> None:
    believed = any(written + ahead == moment for written in range(now + 1) for ahead in range(farthest + 1))
    lasting = b"%d" % (epoch + moment) if moment > now and believed else b""
    replies = link.run(call(RULE, ["k"], epoch + moment, epoch + now, farthest))
    assert replies == [[int(not believed), int(not believed), lasting, 0]]


@once
@given(whole=st.integers(0, 4_000_000_000 * S), fraction=st.floats(1e-12, 1e300))
def test_numbers_keep_every_digit_as_text(link: Link, whole: int, fraction: float) -> None:
    ((whole_text, exact_text),) = link.run(call(TEXT, ["k"], whole, repr(fraction)))
    assert whole_text == b"%d" % whole
    assert float(exact_text) == fraction


@pytest.mark.parametrize("offset_us", [0, -3 * DAY, 400 * DAY])
def test_the_offset_is_added_to_the_stores_clock(redis: RedisServer, offset_us: int) -> None:
    link = patient(Link.open(redis.url))
    link.clock_offset_us = offset_us
    link.run(call(NOW, ["k"]))  # the server has the script from now on
    before, (now, _), after = link.run(Command(("TIME",), ()), call(NOW, ["k"]), Command(("TIME",), ()))
    assert int(before[0]) * S + int(before[1]) <= now - offset_us <= int(after[0]) * S + int(after[1])
    link.close()


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, S // 2, 5 * S, 3600 * S, -S // 2, -5 * S, -3600 * S]),
        st.sampled_from([0, 0, -S, -10 * S, S // 2, 20 * S]),
    ),
    max_size=12,
)


@once
@given(steps=steps)
def test_an_entry_is_replaced_by_a_newer_one_or_after_the_clock_stepped_back(
    link: Link, steps: list[tuple[int, int]]
) -> None:
    link.run(Command(("FLUSHALL",), ()))
    link.clock_offset_us = 0
    cache, key, kept = EntryCache(link), "dekr:{T}:quote", None
    for number, (step_us, stamped_us) in enumerate(steps):
        link.clock_offset_us += step_us
        ((before, _),) = link.run(call(NOW, ["k"]))
        entry = Entry(before + stamped_us, Kind.VALUE, b"%d" % number)
        written = link.run(*cache.put([Write(key, entry, DAY)], copy=False)) == [1]
        ((after, _),) = link.run(call(NOW, ["k"]))
        # What is not older replaces an entry, and so does anything where no reader would believe it.
        assert written in {
            kept is None or entry.stamp_us >= kept.stamp_us or not is_fresh(kept.stamp_us, 0, now)
            for now in (before, after)
        }
        kept = entry if written else kept
        assert kept is not None
        assert link.run(plain("GET", key)) == [kept.encode()]


@pytest.mark.parametrize("text", ["garbage", '{"a": 1}', "nan", "", "99999999999999999999v{}"])
def test_what_is_no_entry_is_replaced(link: Link, text: Any) -> None:
    key, entry = "dekr:{T}:quote", Entry(1_760_000_000 * S, Kind.VALUE, b"{}")
    link.run(plain("SET", key, text))
    link.run(*EntryCache(link).put([Write(key, entry, DAY)]))
    assert link.run(plain("GET", key)) == [entry.encode()]
