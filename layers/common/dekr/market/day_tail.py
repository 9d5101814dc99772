"""The present day's bar in a ticker's snapshot, which refreshes of the whole market bring for nothing."""

from typing import Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.market.rows import Page
from dekr.sessions import TradingDay

CLEARED_US: Final = 27 * 3600 * 1_000_000 + 1800 * 1_000_000
"""The upstream forgets a day at 03:30 in New York of the next one: counted from the day's midnight."""

_PRICES: Final = ("o", "h", "l", "c")


def day_page(entry: Entry, day: TradingDay, midnight_us: int) -> Page | None:
    """The bar of a trading day, which begins at ``midnight_us``, as a v2 snapshot has it; no bar before the first trade. None
    where the snapshot does not tell: it is of another day, or has no such part.

    A snapshot does not count transactions, so that is None.
    """
    if entry.kind is Kind.NEGATIVE or not day.pre_open_us <= entry.stamp_us < midnight_us + CLEARED_US:
        return None
    kept = entry.view(_as_it_is)
    found: dict[str, Any] = kept["sent"].get("day") or {}
    prices = [found.get(name) for name in _PRICES]
    volume = found.get("v")
    if None in prices or volume is None:
        return None
    if found["l"] > found["h"]:
        return None
    if not all(prices):
        return None if any(prices) or volume else Page([], kept["delayed"])
    return Page([[midnight_us // 1000, *prices, volume, found.get("vw"), None]], kept["delayed"])


def _as_it_is(kept: dict[str, Any]) -> dict[str, Any]:
    return kept
