"""Reads neighbouring segments of a series in one look at the cache, and fetches what is missing of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dekr.cache.entry import Entry
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DataClass, splits_floor_us
from dekr.data_source import DataSource
from dekr.errors import BudgetSpent, DeadlineExceeded, Unavailable
from dekr.flaws import NO_FLAWS
from dekr.market.bars.fetch import SegmentFetches
from dekr.market.bars.limits import progress
from dekr.market.bars.model import Range, Row, page_of
from dekr.market.bars.read_planner import BarReadPlanner, OwnFetches
from dekr.market.bars.segment_planner import needed_until_us, segment_key
from dekr.market.bars.segments import Segment, Series
from dekr.market.bars.splits import RecentSplits
from dekr.market.bars.today import today_source
from dekr.market.read.context import ReadContext
from dekr.market.read.reader import Read, Reader
from dekr.market.read.requirement import Requirement
from dekr.market.read.single_flight import SingleFlight
from dekr.sessions import eastern_date


@dataclass(frozen=True, slots=True, eq=False)
class SegmentReader:
    """Reads segments. ``fetches`` describes the fetch of missing ones; ``splits`` tells whether old adjusted ones still hold."""

    reader: Reader
    single_flight: SingleFlight
    fetches: SegmentFetches
    splits: RecentSplits

    def read(
        self,
        context: ReadContext,
        series: Series,
        plan: Sequence[Segment],
        wanted: Range,
        sufficient_bars: float,
        *,
        tail: bool,
        bars_per_day: float | None = None,
    ) -> list[Row]:
        """The bars of a range in neighbouring segments (``plan``, oldest first), however many; sorted by time.

        Where the newest entry alone has ``sufficient_bars`` of them, only those are returned. ``tail``: whether bars newer than the
        range's last one would belong to the answer. ``bars_per_day``: the series' bars in a day as far as they are known, by which
        the calls are estimated. Each call of a request after the first is charged as
        a request.

        Raises what Reader.read_planned raises, TooManyCalls among it, and where it ended before all was fetched an error that says
        how far it is (dekr.market.bars.limits.progress).
        """
        segments = {segment_key(self.reader.cache, series, segment): segment for segment in plan}
        today = eastern_date(self.reader.now_us())
        own = OwnFetches(self.fetches, series, segments, today, context.upstream_calls, bars_per_day)
        planner = self._planner(own, plan, wanted, sufficient_bars, tail=tail)
        met, entries = self._read(context, planner)
        if planner.to_revalidate:
            self._revalidate(context, series.ticker, {key: entries[key] for key in planner.to_revalidate})
            planner = replace(planner, may_revalidate=False)
            met, entries = self._read(context, planner)
        pages = planner.pages(met, entries)
        context.delayed = context.delayed or any(page.delayed for page in pages)
        rows = wanted.select([row for page in pages for row in page.rows])
        newest = sufficient_bars <= wanted.limit
        derived = len(wanted.select(pages[-1].rows)) if planner.derived(met) else 0
        # Of a read from its oldest bars on, those beyond the limit are not in the answer.
        is_derived = derived and (len(rows) - derived < wanted.limit or newest)
        context.source = DataSource.DERIVED if is_derived else DataSource.AGGREGATES
        shown = wanted.shown(rows, newest=newest)
        # Not added up: an earlier read of this request had part of the same pages.
        context.flaws = NO_FLAWS
        for page in pages:
            if page.dropped or page.suspect:
                context.flaws = context.flaws.and_(page.flaws(shown))
        return rows

    def _read(self, context: ReadContext, planner: BarReadPlanner) -> Read:
        before = context.upstream_calls
        try:
            return self.reader.read_planned(context, planner.keys, planner)
        except (BudgetSpent, DeadlineExceeded) as error:
            made = context.upstream_calls - before
            if max(planner.calls, made) <= 1:
                raise
            text = f"{error.detail} {progress(made, planner.calls)}"
            if isinstance(error, BudgetSpent):
                error.detail = text
                raise
            raise Unavailable(text, retry_after_s=1.0, code="fetch_unfinished", fault=error.fault) from error
        finally:
            self.reader.charge_calls(context, context.upstream_calls - before)

    def _planner(
        self, fetches: OwnFetches, plan: Sequence[Segment], wanted: Range, sufficient_bars: float, *, tail: bool
    ) -> BarReadPlanner:
        cache, series, segments = self.reader.cache, fetches.series, fetches.segments
        data = DataClass.REAL_TIME if series.timespan.intraday else DataClass.HISTORICAL
        own = [
            Requirement(
                key,
                data,
                needed_until_us(series, segment, wanted.last_ms),
                tail=tail and segment is plan[-1],
                adjusted=series.adjusted,
            )
            for key, segment in segments.items()
        ]
        today = today_source(cache, series, plan, self.reader.now_us(), wanted.last_ms, tail=tail)
        fetch_today = None
        if today and today.minutes:
            minutes = {today.requirement.key: today.segment}
            fetch_today = self.fetches.of(today.minutes, minutes, sibling_keys=segments, newest=True)
        return BarReadPlanner(own, fetches, wanted, sufficient_bars, series.adjusted, today, fetch_today)

    def _revalidate(self, context: ReadContext, ticker: str, old: Mapping[str, Entry]) -> None:
        """Give settled entries from before the present trading day the stamp of its start, where there was no split since: a
        fetch at that moment would have brought the same bars.
        """
        since_us = self.splits.no_split_since_us(context, ticker)
        if since_us is None:
            return
        stamp_us = splits_floor_us(context.now_us) + 1
        self.single_flight.keep(
            [
                Write(key, replace(entry, stamp_us=stamp_us), page_of(entry).keep_us)
                for key, entry in old.items()
                if entry.stamp_us > since_us
            ]
        )
