"""An upstream's aggregates in pages: their limit counts base bars (minutes for minutes and hours), as Polygon's does."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import httpx

from dekr.sessions import eastern_date, eastern_midnight_us, trading_day

HOUR_MS = 3_600_000
UNIT_MS = {"second": 1_000, "minute": 60_000, "hour": HOUR_MS}
BASE_MS = {"second": 1_000, "minute": 60_000, "hour": 60_000}
_RANGE = re.compile(r"/v2/aggs/ticker/([^/]+)/range/(\d+)/(\w+)/(\d+)/(\d+)")


@dataclass
class PagedBars:
    """Answers for bars: of intraday ones one in every window of the trading days' sixteen hours; None for anything else.

    ``repeats``: whether each page begins with the last bar of the one before. ``spans``: the ranges (ms) of the pages that were
    sent, without those of other calls. ``every``: a quiet ticker has a bar in one of so many windows. ``until``: the last day with
    bars (ISO 8601).
    """

    now_us: Callable[[], int]
    page: int = 50_000
    repeats: bool = False
    spans: list[tuple[int, int]] = field(default_factory=list)
    every: int = 1
    until: str = "9999-12-31"

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        match = _RANGE.fullmatch(request.url.path)
        if match is not None and match[3] == "month" and self.until < "9999":
            starts = [month for month in _months(self.until) if int(match[4]) <= month]
            return httpx.Response(200, json={"ticker": match[1], "status": "OK", "results": list(map(_bar, starts))})
        if match is None or match[3] not in UNIT_MS:
            return None
        ticker, multiplier, unit = match[1], int(match[2]), match[3]
        first_ms, last_ms = int(request.url.params.get("cursor", match[4])), min(int(match[5]), self.now_us() // 1000)
        step_ms = UNIT_MS[unit] * multiplier
        starts = []
        following, left = None, self.page
        for start_ms in _windows(first_ms, last_ms, step_ms, self.until):
            if start_ms // step_ms % self.every:
                continue
            left -= step_ms // BASE_MS[unit] if self.every == 1 else 1
            if left < 0 and starts:
                following = start_ms
                break
            starts.append(start_ms)
        self.spans.append((first_ms, starts[-1] if starts else last_ms))
        bars = list(map(_bar, starts))
        body: dict[str, object] = {"ticker": ticker, "status": "OK", "results": bars}
        if following is not None:
            cursor = starts[-1] if self.repeats else following
            body["next_url"] = str(request.url.copy_with(query=f"cursor={cursor}".encode()))
        return httpx.Response(200, json=body)


def _bar(start_ms: int) -> dict[str, float]:
    return {"t": start_ms, "o": 2, "h": 3, "l": 1, "c": 2.5, "v": start_ms // 1_000 % 997}


def _months(until: str) -> Iterator[int]:
    """The starts (ms) of the months from 2004 to a day."""
    for year in range(2004, int(until[:4]) + 1):
        for month in range(1, 13):
            if f"{year}-{month:02d}-01" <= until:
                yield eastern_midnight_us(date(year, month, 1)) // 1000


def _windows(first_ms: int, last_ms: int, step_ms: int, until: str) -> Iterator[int]:
    """The starts of the windows from ``first_ms`` to ``last_ms``, counted from midnight (Eastern), that hold trading."""
    day = eastern_date(first_ms * 1000)
    while (midnight_ms := eastern_midnight_us(day) // 1000) <= last_ms and day.isoformat() <= until:
        if trading_day(day) is not None:
            start_ms = midnight_ms + 4 * HOUR_MS // step_ms * step_ms
            while start_ms < midnight_ms + 20 * HOUR_MS:
                if start_ms > last_ms:
                    return
                if start_ms >= first_ms:
                    yield start_ms
                start_ms += step_ms
        day += timedelta(days=1)
