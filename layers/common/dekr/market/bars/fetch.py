"""Segments of bars from the upstream, in as few calls as possible."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from dekr.cache import keys
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import NEGATIVE_AGE_US, DataClass
from dekr.cache.keys import Datum
from dekr.errors import StoreDown, UnknownSymbol, UpstreamInvalid
from dekr.gate.permit import Permit
from dekr.market.bars.model import Page, Row, between, page_of
from dekr.market.bars.segment_planner import key_of, runs
from dekr.market.bars.segments import HISTORY_START, Segment, Series, Timespan, last_trade_us
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.polygon.endpoints import BARS
from dekr.polygon.failures import NotEntitled
from dekr.sessions import eastern_date, eastern_midnight_us

if TYPE_CHECKING:
    from dekr.polygon.client import Bars as Answer
    from dekr.polygon.client import PolygonClient

SETTLED_KEEP_US: Final = 7 * 24 * 3600 * 1_000_000
"""How long the store keeps a segment at least: past bars do not change, so this only bounds memory."""

PUBLISHED_US: Final = 3 * 24 * 3600 * 1_000_000
"""A day without bars is doubted for so long: an end-of-day plan, or a vendor in trouble, publishes late."""

PLANS_YEARS: Final = (20, 15, 10, 5, 2)
"""How many years of history the upstream's plans include, most first (https://massive.com/pricing)."""

REFUSED_KEEP_US: Final = 3600 * 1_000_000

DAY_MS: Final = 86_400_000
YEAR_MS: Final = 365 * DAY_MS


@dataclass(frozen=True, slots=True)
class BarFetch:
    """Fetches bars. ``client`` is asked for on the first miss."""

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def of(self, series: Series, segments: Mapping[str, Segment], kin: Iterable[str] = ()) -> Fetch:
        """The fetch of missing segments of a series; ``segments``: all of them by key.

        Where the cache has bars of the ticker under the keys ``kin``, it is traded, and a segment without bars is no reason for
        doubt while its time is not over.
        """
        fetcher = SegmentsFetcher(self, series, segments, tuple(kin))
        return Fetch(keys.lease_of(series.datum, [series.ticker]), (BARS.family,), BARS.lease_ms, fetcher)

    def first_day(self, context: ReadContext, ticker: str) -> date:
        """The first day that can hold bars of the ticker. Raises UnknownSymbol for one that the upstream does not know.

        One call for the months of all its history, made only where bars are missing, and kept.
        """
        key = self._key_of_first(ticker)
        lease = keys.lease_of(Datum.FIRST_BAR, [ticker])
        fetch = Fetch(lease, (BARS.family,), BARS.lease_ms, FirstBarFetcher(self, ticker, key))
        requirement = Requirement(key, DataClass.HISTORICAL, 0, tail=False)
        entry = self.reader.read(context, (requirement,), fetch)[key]
        if entry.kind is Kind.NEGATIVE:
            raise UnknownSymbol(f"There is no ticker {ticker}.")
        return _first_day(entry)

    def known_first_day(self, ticker: str) -> date | None:
        """The same where it is known already; None where it is not."""
        cache = self.reader.cache
        key = self._key_of_first(ticker)
        try:
            entry = cache.entry(key, cache.store.run(cache.get(key))[0])
        except StoreDown as error:
            self.reader.passed_over.note(error)
            return None
        return _first_day(entry) if entry is not None and entry.kind is Kind.VALUE else None

    def _key_of_first(self, ticker: str) -> str:
        return self.reader.cache.key(ticker, Datum.FIRST_BAR)

    def request_within_plan(self, series: Series, first_ms: int, last_ms: int, permit: Permit) -> "tuple[Answer, int]":
        """The bars of the range, or of its part that the plan includes, and where that begins: a plan's history goes back some
        years, and the upstream refuses a range that begins before it. Raises NotEntitled where it includes nothing of it.
        """
        try:
            return self.request(series, first_ms, last_ms, permit), first_ms
        except NotEntitled:
            for years in PLANS_YEARS:
                begin_ms = permit.stamp_us // 1000 - years * YEAR_MS + DAY_MS
                if first_ms < begin_ms < last_ms:
                    with suppress(NotEntitled):
                        return self.request(series, begin_ms, last_ms, permit), begin_ms
            raise

    def request(self, series: Series, first_ms: int, last_ms: int, permit: Permit) -> "Answer":
        """The bars of a series whose window touches the range. Raises what the client raises."""
        return self.client().aggs(
            series.ticker, series.multiplier, series.timespan, first_ms, last_ms, permit, adjusted=series.adjusted
        )


@dataclass(frozen=True, slots=True)
class SegmentsFetcher:
    """Fetches missing segments of a series; a ``dekr.market.read.fetch.Fetcher``. See BarFetch.of."""

    bars: BarFetch
    series: Series
    segments: Mapping[str, Segment]
    kin: Sequence[str]

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entries of the missing segments, a run of neighbours in one call. Raises what the client raises, and
        UpstreamInvalid where there were bars before and are none now.
        """
        series, reader = self.series, self.bars.reader
        wanted = [self.segments[requirement.key] for requirement in missing if requirement.key in self.segments]
        traded = any(page_of(cached[key]).rows for key in self.kin if key in cached)
        writes: list[Write] = []
        kept = 0
        for run in runs(series, wanted):
            # What is fetched is kept at once: where a long fetch does not come to its end, the next one goes on from there.
            reader.single_flight.keep(writes[kept:])
            kept = len(writes)
            answer, begin_ms = self.bars.request_within_plan(series, run[0].start_ms, run[-1].end_ms - 1, permit)
            rows = [[bar.t, bar.o, bar.h, bar.l, bar.c, bar.v, bar.vw, bar.n] for bar in answer.bars]
            found = FetchedBars(rows, answer.delayed, begin_ms, permit.stamp_us, traded=traded or bool(rows))
            for segment in run:
                key = key_of(reader.cache, series, segment)
                writes.append(found.write(key, segment, cached.get(key)))
        return writes


@dataclass(frozen=True, slots=True)
class FirstBarFetcher:
    """Fetches when a ticker's history begins; a ``dekr.market.read.fetch.Fetcher``."""

    bars: BarFetch
    ticker: str
    key: str

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the start of the first month with bars (ms), or the negative one. Raises what the client raises."""
        del missing, cached
        months = Series(self.ticker, 1, Timespan.MONTH, adjusted=False)
        begin_ms, now_ms = eastern_midnight_us(HISTORY_START) // 1000, permit.stamp_us // 1000
        found = self.bars.request(months, begin_ms, now_ms, permit).bars
        if not found:
            return [Write.negative(self.key, permit.stamp_us)]
        return [Write(self.key, Entry(permit.stamp_us, Kind.VALUE, b"%d" % found[0].t), SETTLED_KEEP_US)]


@dataclass(frozen=True, slots=True)
class FetchedBars:
    """What a fetch that started at ``stamp_us`` found: the rows from ``begin_ms`` on, which is where the plan's history begins if
    that is later than what was asked for.
    """

    rows: list[Row]
    delayed: bool
    begin_ms: int
    stamp_us: int
    traded: bool

    def write(self, key: str, segment: Segment, old: Entry | None) -> Write:
        """A segment's entry. One that should have bars and has none is believed for a short time only, one that the plan's
        history does not reach as long as any refusal of the plan.
        """
        bars = between(self.rows, segment.start_ms, segment.end_ms)
        if not bars and old is not None and page_of(old).rows:
            text = "The data provider sent no bars where it had sent some before."
            raise UpstreamInvalid(text, fault="results: empty, and were not before")
        over_us = self.stamp_us - last_trade_us(segment.end_ms * 1000)
        doubtful = not bars and (not self.traded or 0 < over_us < PUBLISHED_US)
        cut = segment.start_ms < self.begin_ms
        payload = Page(bars, self.delayed, cut=cut).payload()
        if doubtful:
            return Write(key, Entry(self.stamp_us, Kind.NEGATIVE, payload), NEGATIVE_AGE_US)
        return Write(key, Entry(self.stamp_us, Kind.VALUE, payload), keep_us(cut=cut))


def _first_day(entry: Entry) -> date:
    return eastern_date(entry.parsed * 1000)


def keep_us(*, cut: bool) -> int:
    """How long the store keeps a segment, given whether the plan's history begins inside it."""
    return REFUSED_KEEP_US if cut else SETTLED_KEEP_US
