"""Moments as text, held against the standard library's own reading of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.times import rfc3339, rfc3339_all, rfc3339_ms, rfc3339_ns

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_NS = 253_402_300_800 * 10**9 - 1


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_186_800 * 10**9, "2026-11-20T15:00:00Z"),
        (1_795_186_800_120 * 10**6, "2026-11-20T15:00:00.120Z"),
        (1_795_186_800_000_120 * 10**3, "2026-11-20T15:00:00.000120Z"),
        (1_795_186_800_000_000_012, "2026-11-20T15:00:00.000000012Z"),
        (LAST_NS, "9999-12-31T23:59:59.999999999Z"),
        (-1_000_000, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_a_moment_has_as_many_digits_as_it_needs(ns: int, text: str) -> None:
    assert rfc3339(ns) == text


@given(st.integers(0, LAST_NS))
def test_what_is_written_reads_as_the_same_moment(ns: int) -> None:
    text = rfc3339(ns)
    seconds, dot, digits = text.removesuffix("Z").partition(".")
    assert datetime.fromisoformat(f"{seconds}+00:00") == EPOCH + timedelta(seconds=ns // 10**9)
    assert int(digits.ljust(9, "0") or 0) == ns % 10**9
    assert (not dot) == (ns % 10**9 == 0)


@given(st.integers(0, LAST_NS))
def test_prices_moments_always_have_nine_digits(ns: int) -> None:
    text = rfc3339_ns(ns)
    assert len(text) == len("2026-11-20T15:00:00.123456789Z")
    assert int(text.removesuffix("Z").partition(".")[2]) == ns % 10**9
    assert text[:19] == rfc3339(ns)[:19]


def test_moments_of_one_answer_have_as_many_digits_as_one_of_them_needs() -> None:
    second, milli, nano = 1_795_186_800 * 10**9, 1_795_186_800_120 * 10**6, 1_795_186_800_000_000_012
    assert rfc3339_all([second, second]) == ["2026-11-20T15:00:00Z"] * 2
    assert rfc3339_all([second, milli]) == ["2026-11-20T15:00:00.000Z", "2026-11-20T15:00:00.120Z"]
    assert rfc3339_all([nano, second])[1] == "2026-11-20T15:00:00.000000000Z"
    assert rfc3339_all([]) == []


@given(st.lists(st.integers(0, LAST_NS)))
def test_moments_of_one_answer_read_as_themselves(moments: list[int]) -> None:
    texts = rfc3339_all(moments)
    assert [rfc3339(ns)[:19] for ns in moments] == [text[:19] for text in texts]
    assert len({len(text) for text in texts}) <= 1


@given(st.integers(0, LAST_NS // 10**6))
def test_milliseconds_are_written_as_their_nanoseconds(ms: int) -> None:
    assert rfc3339_ms(ms) == rfc3339(ms * 10**6)
