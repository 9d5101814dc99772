"""Fetches segments of bars from the upstream, in as few calls as possible."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dekr.cache import keys
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DAY_US
from dekr.errors import UpstreamInvalid
from dekr.gate.permit import Permit
from dekr.market.bars.model import Page, Row, page_of, rows_between
from dekr.market.bars.segment_planner import group_into_calls, segment_key
from dekr.market.bars.segments import Segment, Series, trading_end_us
from dekr.market.bars.upstream import UpstreamBars
from dekr.market.read.fetch import Fetch
from dekr.market.read.requirement import Requirement
from dekr.market.read.single_flight import SingleFlight
from dekr.polygon.endpoints import BARS

LATE_PUBLICATION_US: Final = 3 * DAY_US
"""For how long a day without bars may still get some: an end-of-day plan, or a vendor in trouble, publishes late."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentFetches:
    """Describes fetches of missing segments. ``single_flight`` keeps what a long fetch has so far."""

    upstream: UpstreamBars
    single_flight: SingleFlight

    def of(self, series: Series, segments: Mapping[str, Segment], sibling_keys: Iterable[str] = ()) -> Fetch:
        """The fetch of those segments of a series that are missing; ``segments`` has all of them by cache key.

        ``sibling_keys``: other entries of the ticker's bars. Where the cache has bars under one of them, the ticker is known to be
        traded, so that a segment without bars is plausible while its time is not over.
        """
        fetcher = SegmentFetcher(self.upstream, self.single_flight, series, segments, tuple(sibling_keys))
        return Fetch(keys.lease_of(series.name, [series.ticker]), (BARS.family,), BARS.lease_ms, fetcher)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentFetcher:
    """Fetches missing segments of a series; a ``dekr.market.read.fetch.Fetcher``. The fields are those of SegmentFetches.of."""

    upstream: UpstreamBars
    single_flight: SingleFlight
    series: Series
    segments: Mapping[str, Segment]
    sibling_keys: Sequence[str]

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entries of the missing segments, neighbours in one call. Raises what the client raises, and UpstreamInvalid where
        the upstream has no bars any more where it had some.
        """
        series = self.series
        segments = [self.segments[requirement.key] for requirement in missing if requirement.key in self.segments]
        traded = any(page_of(cached[key]).rows for key in self.sibling_keys if key in cached)
        writes: list[Write] = []
        kept = 0
        for run in group_into_calls(series, segments):
            # What was fetched is kept at once: where a long fetch does not finish, the next one continues from there.
            self.single_flight.keep(writes[kept:])
            kept = len(writes)
            answer, begin_ms = self.upstream.request_within_plan(series, run[0].start_ms, run[-1].end_ms - 1, permit)
            rows = [[bar.t, bar.o, bar.h, bar.l, bar.c, bar.v, bar.vw, bar.n] for bar in answer.bars]
            known = traded or bool(rows)
            fetched = FetchedRows(
                rows, answer.delayed, begin_ms, permit.stamp_us, known, answer.dropped, answer.suspect
            )
            for segment in run:
                key = segment_key(self.single_flight.cache, series, segment)
                writes.append(fetched.write(key, segment, cached.get(key)))
        return writes


@dataclass(frozen=True, slots=True)
class FetchedRows:
    """The rows that one fetch, started at ``stamp_us``, brought of a run of segments.

    ``begin_ms``: where they begin, which is the start of the plan's history if that is later than the run's start. ``traded``:
    whether any bars of the ticker are known. ``dropped`` and ``suspect``: as in dekr.market.bars.model.Page.
    """

    rows: list[Row]
    delayed: bool
    begin_ms: int
    stamp_us: int
    traded: bool
    dropped: Sequence[int] = ()
    suspect: Sequence[int] = ()

    def write(self, key: str, segment: Segment, old: Entry | None) -> Write:
        """The write of one segment's entry; ``old`` is what the cache had under its key.

        A segment that should have bars and has none is kept for a short time only. Raises UpstreamInvalid where ``old`` had bars
        and there are none now.
        """
        rows = rows_between(self.rows, segment.start_ms, segment.end_ms)
        if not rows and old is not None and page_of(old).rows:
            text = "The data provider sent no bars where it had sent some before."
            raise UpstreamInvalid(text, fault="results: empty, and were not before")
        since_end_us = self.stamp_us - trading_end_us(segment.end_ms * 1000)
        doubtful = not rows and (not self.traded or 0 < since_end_us < LATE_PUBLICATION_US)
        dropped, suspect = (
            [at_ms for at_ms in moments if segment.start_ms <= at_ms < segment.end_ms]
            for moments in (self.dropped, self.suspect)
        )
        page = Page(rows, self.delayed, segment.start_ms < self.begin_ms, dropped, suspect)
        if doubtful:
            return Write.negative(key, self.stamp_us, page.payload())
        return Write(key, Entry(self.stamp_us, Kind.VALUE, page.payload()), page.keep_us)
