"""Bars: pages of a series, read from canonical segments.

A read plans newest segments first until they should hold as many bars as were asked for, fetches what is missing of them
in as few calls as possible (a run of neighbours is one call), and looks farther back only while bars are missing.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.freshness import NEGATIVE_AGE_US, DataClass
from dekr.cache.tier_cache import Write
from dekr.errors import UnknownSymbol, UpstreamInvalid, UpstreamNotEntitled
from dekr.market.ask import Ask
from dekr.market.flow import Flow
from dekr.market.plan import needed_until_us, next_segments, runs
from dekr.market.segments import HISTORY_START, Segment, Series, Timespan, last_trade_us
from dekr.market.wants import Fetch, Want
from dekr.polygon.failures import NotEntitled
from dekr.polygon.permit import Permit
from dekr.sessions import eastern_date, eastern_midnight_us

if TYPE_CHECKING:
    from dekr.polygon.client import Bars as Answer
    from dekr.polygon.client import PolygonClient

LEASE_MS: Final = 12_000
WIDEN: Final = 8
"""Where bars are missing, the next look goes this many times farther back."""

SETTLED_KEEP_US: Final = 7 * 24 * 3600 * 1_000_000
"""How long the store keeps a segment at least: past bars do not change, so this only bounds memory."""

PUBLISHED_US: Final = 3 * 24 * 3600 * 1_000_000
"""A day without bars is doubted for so long: an end-of-day plan, or a vendor in trouble, publishes late."""

PLANS_YEARS: Final = (20, 15, 10, 5, 2)
"""How many years of history the upstream's plans include, most first (https://massive.com/pricing)."""

REFUSED_KEEP_US: Final = 3600 * 1_000_000

DAY_MS: Final = 86_400_000
YEAR_MS: Final = 365 * DAY_MS

type Row = list[Any]
"""A bar as it is kept: [t in ms, open, high, low, close, volume, vwap or None, transactions or None]."""


@dataclass(frozen=True, slots=True)
class Range:
    """Which bars are asked for: those whose window starts in [first_ms, last_ms], at most ``limit`` of them."""

    first_ms: int
    last_ms: int
    limit: int


@dataclass(frozen=True, slots=True)
class Bars:
    """The bar service. ``client`` is asked for on the first miss."""

    flow: Flow
    client: "Callable[[], PolygonClient]"

    def get(self, ask: Ask, series: Series, wanted: Range) -> list[Row]:
        """The newest bars of the range, oldest first. Raises UnknownSymbol."""
        ask.source = "aggregates"
        now_ms = self.flow.now_us() // 1000
        first, last = _days(wanted, now_ms)
        segments = series.segments_back(last, first)
        rows: list[Row] = []
        planned: list[Segment] = []
        wide = 1
        while plan := next_segments(series, segments, last, (wanted.limit - len(rows)) * wide):
            planned = plan[::-1] + planned
            try:
                rows = self._read(ask, series, planned, wanted, tail=wanted.last_ms >= now_ms)
            except UpstreamNotEntitled:
                # The plan's history ends here: what it has of the range was found before.
                if not rows:
                    raise
                break
            if len(rows) >= wanted.limit:
                break
            older = list(segments)
            if rows and not older:
                break
            oldest = self._first_day(ask, series.ticker)
            segments = iter([segment for segment in older if segment.end > oldest])
            wide *= WIDEN
        if not planned:
            self._first_day(ask, series.ticker)
        return rows[-wanted.limit :]

    def oldest(self, ask: Ask, series: Series, wanted: Range) -> list[Row]:
        """The oldest bars of the range, oldest first. Raises UnknownSymbol."""
        ask.source = "aggregates"
        now_ms = self.flow.now_us() // 1000
        first, last = _days(wanted, now_ms)
        segments = series.segments_on(first, last)
        rows: list[Row] = []
        planned: list[Segment] = []
        while plan := next_segments(series, segments, last, wanted.limit - len(rows)):
            planned += plan
            newer = list(segments)
            rows = self._read(ask, series, planned, wanted, tail=wanted.last_ms >= now_ms and not newer)
            if len(rows) >= wanted.limit:
                break
            if not rows:
                start = self._first_day(ask, series.ticker)
                newer = [segment for segment in newer if segment.end > start]
            segments = iter(newer)
        if not planned:
            self._first_day(ask, series.ticker)
        return rows[: wanted.limit]

    def _read(self, ask: Ask, series: Series, plan: Sequence[Segment], wanted: Range, *, tail: bool) -> list[Row]:
        """The range's bars of these neighbouring segments (oldest first); ``tail``: newer bars may follow the last one."""
        data = DataClass.REAL_TIME if series.timespan.intraday else DataClass.HISTORICAL
        segments = {self._key(series, segment): segment for segment in plan}
        wants = [
            Want(
                key,
                data,
                needed_until_us(series, segment, wanted.last_ms),
                tail=tail and segment is plan[-1],
                adjusted=series.adjusted,
            )
            for key, segment in segments.items()
        ]
        fetch = Fetch(
            f"{series.datum}:{series.ticker}",
            ("aggs",),
            LEASE_MS,
            lambda permit, missing, old: self._fetch(series, permit, {w.key: segments[w.key] for w in missing}, old),
        )
        entries = self.flow.read(ask, wants, fetch)
        rows: list[Row] = []
        for want in wants:
            found = entries[want.key].view(_parsed)
            ask.delayed = ask.delayed or found["delayed"]
            rows += found["bars"]
        first = bisect_left(rows, wanted.first_ms, key=_start_ms)
        return rows[first : bisect_right(rows, wanted.last_ms, key=_start_ms)]

    def _fetch(
        self, series: Series, permit: Permit, missing: Mapping[str, Segment], old: Mapping[str, Entry]
    ) -> list[Write]:
        writes: list[Write] = []
        kept = 0
        for run in runs(series, list(missing.values())):
            # What is fetched is kept at once: where a long fetch does not come to its end, the next one goes on from there.
            self.flow.keep(writes[kept:])
            kept = len(writes)
            answer, begin_ms = self._ask_withinnext_segments(series, run[0].start_ms, run[-1].end_ms - 1, permit)
            rows = [[bar.t, bar.o, bar.h, bar.l, bar.c, bar.v, bar.vw, bar.n] for bar in answer.bars]
            writes += [
                self._write(
                    key, segment, rows, permit.stamp_us, old.get(key), delayed=answer.delayed, begin_ms=begin_ms
                )
                for key, segment in missing.items()
                if run[0].first <= segment.first <= run[-1].first
            ]
        return writes

    def _ask_withinnext_segments(
        self, series: Series, first_ms: int, last_ms: int, permit: Permit
    ) -> "tuple[Answer, int]":
        """The bars of the range, or of its part that the plan includes, and where that begins: a plan's history goes back some
        years, and the upstream refuses a range that begins before it. Raises NotEntitled where it includes nothing of it.
        """
        try:
            return self._ask(series, first_ms, last_ms, permit), first_ms
        except NotEntitled:
            for years in PLANS_YEARS:
                begin_ms = permit.stamp_us // 1000 - years * YEAR_MS + DAY_MS
                if first_ms < begin_ms < last_ms:
                    with suppress(NotEntitled):
                        return self._ask(series, begin_ms, last_ms, permit), begin_ms
            raise

    def _ask(self, series: Series, first_ms: int, last_ms: int, permit: Permit) -> "Answer":
        return self.client().aggs(
            series.ticker, series.multiplier, series.timespan, first_ms, last_ms, permit, adjusted=series.adjusted
        )

    def _write(
        self,
        key: str,
        segment: Segment,
        rows: list[Row],
        stamp_us: int,
        old: Entry | None,
        *,
        delayed: bool,
        begin_ms: int,
    ) -> Write:
        """The segment's part of the rows. One that should have bars and has none is believed for a short time only, one that
        the plan's history does not reach as long as any refusal of the plan.
        """
        first = bisect_left(rows, segment.start_ms, key=_start_ms)
        bars = rows[first : bisect_left(rows, segment.end_ms, key=_start_ms)]
        if not bars and old is not None and old.view(_parsed)["bars"]:
            raise UpstreamInvalid("The data provider sent no bars where it had sent some before.")
        over_us = stamp_us - last_trade_us(segment.end_ms * 1000)
        doubtful = not bars and (not rows or 0 < over_us < PUBLISHED_US)
        payload = json.dumps({"delayed": delayed, "bars": bars}, separators=(",", ":")).encode()
        if doubtful:
            return Write(key, Entry(stamp_us, Kind.NEGATIVE, payload), NEGATIVE_AGE_US)
        keep_us = REFUSED_KEEP_US if segment.start_ms < begin_ms else SETTLED_KEEP_US
        return Write(key, Entry(stamp_us, Kind.VALUE, payload), keep_us)

    def _first_day(self, ask: Ask, ticker: str) -> date:
        """The first day that can hold bars of the ticker. Raises UnknownSymbol for one that the upstream does not know.

        One call for the months of all its history, asked for only where bars are missing, and kept.
        """
        key = self.flow.cache.key(ticker, "first")
        months = Series(ticker, 1, Timespan.MONTH, adjusted=False)

        def run(permit: Permit, missing: Sequence[Want], old: Mapping[str, Entry]) -> list[Write]:
            del missing, old
            now_ms = permit.stamp_us // 1000
            found = self._ask(months, eastern_midnight_us(HISTORY_START) // 1000, now_ms, permit).bars
            if not found:
                return [Write(key, Entry(permit.stamp_us, Kind.NEGATIVE, b"null"), NEGATIVE_AGE_US)]
            return [Write(key, Entry(permit.stamp_us, Kind.VALUE, b"%d" % found[0].t), SETTLED_KEEP_US)]

        fetch = Fetch(f"first:{ticker}", ("aggs",), LEASE_MS, run)
        entry = self.flow.read(ask, (Want(key, DataClass.HISTORICAL, 0, tail=False),), fetch)[key]
        if entry.kind is Kind.NEGATIVE:
            raise UnknownSymbol(f"There is no ticker {ticker}.")
        return entry.view(lambda first_ms: eastern_date(first_ms * 1000))

    def _key(self, series: Series, segment: Segment) -> str:
        return self.flow.cache.key(series.ticker, f"{series.datum}:{segment.name}")


def _days(wanted: Range, now_ms: int) -> tuple[date, date]:
    """The first and last day on which bars of the range can start."""
    last = eastern_date(min(wanted.last_ms, now_ms) * 1000)
    return max(eastern_date(wanted.first_ms * 1000), HISTORY_START), last


def _parsed(data: dict[str, Any]) -> dict[str, Any]:
    return data


def _start_ms(row: Row) -> int:
    start: int = row[0]
    return start
