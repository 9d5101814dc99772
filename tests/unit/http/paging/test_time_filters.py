"""The range that a query's filters by time leave, held against a comparison of each moment with the filters' values."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.errors import InvalidInput
from dekr.http.paging.time_filters import (
    MILLISECONDS,
    NANOSECONDS,
    PUBLISHED,
    RFC_3339,
    Span,
    TimeFormat,
    check_not_empty,
    moments_as,
    narrowed,
)
from dekr.times import FAR_FUTURE_MS, rfc3339

FORMATS = {"ms": (MILLISECONDS, 1_000), "ns": (NANOSECONDS, 10**9)}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
HOLDS: dict[str, Callable[[int, Span], bool]] = {
    "": lambda moment, named: named.first <= moment <= named.last,
    ".gt": lambda moment, named: moment > named.last,
    ".gte": lambda moment, named: moment >= named.first,
    ".lt": lambda moment, named: moment < named.first,
    ".lte": lambda moment, named: moment <= named.last,
}
"""The rule of each filter: whether a moment passes it."""

DAYS = st.dates(date(2026, 3, 1), date(2026, 3, 15)).map(date.isoformat)  # the clocks go forward on the 8th
MOMENTS = st.integers(1_772_000_000_000, 1_774_000_000_000)


def start(day: date, zone: ZoneInfo, per_second: int) -> int:
    return int(datetime.combine(day, time(), zone).timestamp()) * per_second


@pytest.mark.parametrize("name", FORMATS)
@given(day=st.dates(date(1987, 1, 1), date(9000, 12, 31)))  # daylight time began on other days before
def test_a_day_is_its_hours_in_new_york(name: str, day: date) -> None:
    written, per_second = FORMATS[name]
    span = written.span("from", day.isoformat())
    assert span.first == start(day, NEW_YORK, per_second)
    assert span.last + 1 == start(day + timedelta(days=1), NEW_YORK, per_second)


@given(day=st.dates(date(1, 1, 2), date(9999, 12, 30)))
def test_a_day_of_news_is_its_hours_in_utc(day: date) -> None:
    span = RFC_3339.span("at", day.isoformat())
    start_us = (datetime.combine(day, time(), UTC) - EPOCH) // timedelta(microseconds=1)
    assert span == Span(start_us, start_us + 86_400_000_000 - 1)


@given(moment_us=st.integers(-(10**16), 10**17), offset=st.integers(-23 * 60, 23 * 60))
def test_a_moment_of_rfc_3339_is_the_same_with_any_offset(moment_us: int, offset: int) -> None:
    moment = (EPOCH + timedelta(microseconds=moment_us)).astimezone(timezone(timedelta(minutes=offset)))
    for written in (RFC_3339, PUBLISHED):
        assert written.span("at", moment.isoformat()) == Span(moment_us, moment_us)
    if moment_us >= 0:
        assert NANOSECONDS.span("at", moment.isoformat()) == Span(moment_us * 1_000, moment_us * 1_000)


@given(moment_ns=st.integers(0, 10**20), more=st.text("0123456789", max_size=3))
def test_a_moment_of_ticks_has_each_nanosecond(moment_ns: int, more: str) -> None:
    text = rfc3339(moment_ns)
    assert NANOSECONDS.span("at", text) == NANOSECONDS.span("at", text.lower()) == Span(moment_ns, moment_ns)
    finer = f"{text[:19]}.{moment_ns % 10**9:09d}{more}Z"
    assert NANOSECONDS.span("at", finer) == Span(moment_ns, moment_ns)


@given(moment_ms=st.integers(10**11, FAR_FUTURE_MS))
def test_news_can_be_named_in_milliseconds(moment_ms: int) -> None:
    assert PUBLISHED.span("at", str(moment_ms)) == Span(moment_ms * 1_000, moment_ms * 1_000)


def test_a_filter_goes_upstream_as_a_moment_or_a_day() -> None:
    query = {"published_utc.gte": "1795186800000", "published_utc.lt": "2026-11-21", "limit": "5"}
    sent = moments_as(lambda us: rfc3339(us * 1_000), query, "published_utc", PUBLISHED)
    assert sent == {"published_utc.gte": "2026-11-20T15:00:00Z", "published_utc.lt": "2026-11-21"}
    (text,) = moments_as(str, {"timestamp": "2026-11-20T10:00:00.000000001-05:00"}, "timestamp", NANOSECONDS).values()
    assert text == "1795186800000000001"


@pytest.mark.parametrize("exact", [True, False])
@given(
    filters=st.dictionaries(st.sampled_from([*HOLDS]), DAYS | MOMENTS.map(str), max_size=5), moments=st.lists(MOMENTS)
)
def test_filters_leave_the_moments_that_pass_each_of_them(
    exact: bool, filters: dict[str, str], moments: list[int]
) -> None:
    query = {f"timestamp{comparison}": text for comparison, text in filters.items()}
    span = narrowed({**query, "limit": "5"}, "timestamp", MILLISECONDS, exact=exact)
    named = [(comparison, MILLISECONDS.span("timestamp", text)) for comparison, text in filters.items()]
    edges = [moment + step for _, each in named for moment in (each.first, each.last) for step in (-1, 0, 1)]
    for moment in moments + edges:
        passes = all(
            HOLDS[comparison](moment, each) or (not exact and HOLDS[""](moment, each)) for comparison, each in named
        )
        assert (span.first <= moment <= span.last) == passes


def test_no_filter_leaves_all_of_time() -> None:
    for written in (MILLISECONDS, NANOSECONDS, RFC_3339, PUBLISHED):
        assert narrowed({"limit": "5", "times": "x"}, "time", written) == written.whole


@pytest.mark.parametrize("written", [MILLISECONDS, NANOSECONDS, RFC_3339])
def test_a_range_in_the_future_is_a_range(written: TimeFormat) -> None:
    """East of New York the present day is in the future every night."""
    named = written.span("time", "2300-01-01")
    assert narrowed({"time.gte": "2300-01-01"}, "time", written) == Span(named.first, written.whole.last)
    assert narrowed({"time.gt": "2300-01-01"}, "time", written, exact=True).first == named.last + 1


@pytest.mark.parametrize("written", [MILLISECONDS, NANOSECONDS])
@pytest.mark.parametrize(("text", "counts_as"), [("0001-01-01", "1970-01-01"), ("1969-12-31", "1970-01-01")])
def test_a_day_before_1970_counts_as_its_first(written: TimeFormat, text: str, counts_as: str) -> None:
    """As the vendor takes it: clients write such a day for the beginning of the history."""
    assert written.span("from", text) == written.span("from", counts_as)
    assert written.whole.first <= written.span("from", text).first


@pytest.mark.parametrize("written", [MILLISECONDS, NANOSECONDS])
def test_the_last_day_that_can_be_written_counts_as_the_one_before(written: TimeFormat) -> None:
    assert written.span("to", "9999-12-31") == written.span("to", "9999-12-30")
    assert written.span("to", "9999-12-31").last <= written.whole.last


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0", 0),
        ("-1", 0),
        ("-62135596800000", 0),  # the zero time of Go
        ("-3600000", 0),  # 1970-01-01 at midnight in Paris
        ("18000000", 18_000_000),  # 1970-01-01 at midnight in New York
        ("86400000", 86_400_000),
        ("31536000000", 31_536_000_000),
        ("1795186800000", 1_795_186_800_000),
    ],
)
def test_milliseconds_of_any_length_are_moments(text: str, moment: int) -> None:
    assert MILLISECONDS.span("from", text) == Span(moment, moment)


def test_an_empty_range_is_named() -> None:
    check_not_empty("timestamp", Span(1, 1))
    with pytest.raises(InvalidInput, match="the range is empty") as refusal:
        check_not_empty("timestamp", Span(2, 1))
    assert refusal.value.field == "timestamp"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        *[
            (MILLISECONDS, text)
            for text in ("", "soon", "20261120", "19700101", "1795186800", "2026-02-30", "-", "--1")
        ],
        *[(MILLISECONDS, text) for text in ("2026-11-20T15:00:00Z", "1_795_186_800_000", "9" * 16)],
        *[(NANOSECONDS, text) for text in ("", "soon", "1795186800000", "2026-13-01", "9" * 21, "\u0661" * 19)],
        *[(RFC_3339, text) for text in ("", "soon", "1795186800000", "2026-11-20T15:00:00", "20261120T150000Z")],
        *[(NANOSECONDS, text) for text in ("2026-11-20T15:00:00", "1969-12-31T23:59:59Z", "2026-11-20T24:00:01Z")],
        *[(PUBLISHED, text) for text in ("", "soon", "1795186800", "1795186800000000", "2026-11-20T15:00:00")],
        *[(RFC_3339, text) for text in ("2026-11-20T15Z", "2026-11-20T25:00:00Z", "9999-12-31T23:59:59-23:59")],
    ],
)
def test_a_text_that_is_no_time_is_refused(written: TimeFormat, text: str) -> None:
    with pytest.raises(InvalidInput, match=r"must be a day \(YYYY-MM-DD\) or a moment in") as refusal:
        written.span("from", text)
    assert refusal.value.field == "from"


def test_milliseconds_after_the_last_date_count_as_its_last_second() -> None:
    assert MILLISECONDS.span("to", "9" * 15) == Span(FAR_FUTURE_MS, FAR_FUTURE_MS)
