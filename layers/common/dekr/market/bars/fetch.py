"""Fetches segments of bars from the upstream, a page at a time: what each page brings is kept at once, whatever comes after it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dekr.cache import keys
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import EntryCache, Write
from dekr.cache.freshness import DAY_US, SECOND_US
from dekr.errors import StoreDown, UnknownSymbol, UpstreamInvalid
from dekr.gate.permit import Permit
from dekr.market.bars.limits import MAX_CALLS_MADE
from dekr.market.bars.model import Page, Row, page_of, rows_between
from dekr.market.bars.segment_planner import group_into_runs, may_take_pages, segment_key
from dekr.market.bars.segments import Segment, Series, trading_end_us
from dekr.market.bars.upstream import UpstreamBars
from dekr.market.read.fetch import Fetch, Incomplete
from dekr.market.read.requirement import Requirement
from dekr.passed_over import PassedOver
from dekr.polygon.endpoints import BARS
from dekr.polygon.failures import NotEntitled, Rejected

if TYPE_CHECKING:
    from dekr.polygon.client import Bars

LATE_PUBLICATION_US: Final = 3 * DAY_US
"""For how long a day without bars may still get some: an end-of-day plan, or a vendor in trouble, publishes late."""

MAX_EMPTY_PAGES: Final = 3
"""After so many pages in a row without a new bar, the upstream's pages are taken for ones that do not end."""

UNFINISHED_KEEP_US: Final = 600 * SECOND_US
"""The time for which the store keeps the bars of a segment that is not complete: long enough for several windows of the budget."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentFetches:
    """Describes fetches of missing segments. ``cache`` keeps the bars of unfinished ones; ``passed_over`` collects failures to read
    them.
    """

    upstream: UpstreamBars
    cache: EntryCache
    passed_over: PassedOver

    def of(
        self,
        series: Series,
        segments: Mapping[str, Segment],
        sibling_keys: Iterable[str] = (),
        *,
        newest: bool,
        calls: int = 1,
    ) -> Fetch:
        """The fetch of those segments of a series that are missing; ``segments`` has all of them by cache key.

        ``sibling_keys``: other entries of the ticker's bars. Where the cache has bars under one of them, the ticker is known to be
        traded, so that a segment without bars is plausible while its time is not over. ``newest``: whether the segment that
        still grows is among those that are missing. Its fetch has a lease of its own, so that whoever reads the newest bars does
        not wait for somebody who reads years. ``calls``: about how many calls the fetch takes.
        """
        fetcher = SegmentFetcher(
            self.upstream, self.cache, self.passed_over, series, segments, tuple(sibling_keys), newest
        )
        name = series.name if newest else keys.history(series.name)
        lease = keys.lease_of(name, [series.ticker])
        return Fetch(lease, (BARS.family,), BARS.lease_ms, fetcher, calls=calls, max_calls=MAX_CALLS_MADE)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentFetcher:
    """Fetches missing segments of a series; a ``dekr.market.read.fetch.Fetcher``. The fields are those of SegmentFetches and of its
    method ``of``.
    """

    upstream: UpstreamBars
    cache: EntryCache
    passed_over: PassedOver
    series: Series
    segments: Mapping[str, Segment]
    sibling_keys: Sequence[str]
    newest: bool

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entries of the missing segments, neighbours in one call.

        Raises Incomplete with the entries of one page where that is not all of them, what the client raises, and UpstreamInvalid
        where the upstream has no bars any more where it had some.
        """
        segments = [self.segments[requirement.key] for requirement in missing if requirement.key in self.segments]
        run = group_into_runs(self.series, segments)[0]
        traded = any(page_of(cached[key]).rows for key in self.sibling_keys if key in cached)
        fetched = self._next_page(run, permit, traded)
        complete = [segment for segment in run if fetched.has_all_of(segment)]
        entry_keys = [segment_key(self.cache, self.series, segment) for segment in complete]
        writes = [
            fetched.write(key, segment, cached.get(key)) for key, segment in zip(entry_keys, complete, strict=True)
        ]
        if len(complete) == len(segments):
            return writes
        # Without a next page, an earlier fetch of a shorter range has come to its end: the rest begins anew.
        if len(complete) < len(run) and fetched.next_url is not None:
            begun = run[len(complete)]
            writes.append(fetched.unfinished(self._unfinished_key(begun), begun))
        raise Incomplete(writes)

    def _next_page(self, run: Sequence[Segment], permit: Permit, traded: bool) -> "FetchedRows":  # noqa: FBT001 - as fetch has it
        """The rows of a run after one more page: its first, or the next one, added to what an earlier fetch has kept.

        Raises what the client raises, and UpstreamInvalid where the pages do not end.
        """
        fetched = self._kept_rows(run, permit)
        page = None if fetched is None else self._page_after(fetched, permit)
        if fetched is None or page is None:
            page, begin_ms = self.upstream.request_within_plan(self.series, run[0].start_ms, run[-1].end_ms - 1, permit)
            fetched = FetchedRows(permit.stamp_us, begin_ms, run[-1].end_ms, traded)
        fetched.add(page)
        return fetched

    def _page_after(self, fetched: "FetchedRows", permit: Permit) -> "Bars | None":
        """The page after those that an earlier fetch has kept; None where the upstream does not take its address any more."""
        assert fetched.next_url is not None, "what came to its end is not kept"
        last_ms = fetched.end_ms - 1
        try:
            return self.upstream.request_after(self.series, fetched.next_url, fetched.last_ms, last_ms, permit)
        except (NotEntitled, UnknownSymbol, Rejected):
            return None

    def _kept_rows(self, run: Sequence[Segment], permit: Permit) -> "FetchedRows | None":
        """The rows that an earlier fetch has of the run's first segment; None where there are none, or where they are too old."""
        key = self._unfinished_key(run[0])
        entry = self.cache.local_copies.get(key)
        # A round trip only where a fetch may have needed more pages than one.
        if may_take_pages(self.series, run) or (self.series.timespan.intraday and not self.newest):
            try:
                entry = self.cache.read(key) or entry
            except StoreDown as error:
                self.passed_over.note(error)
        oldest_us = max(permit.request.floor_us, permit.stamp_us - UNFINISHED_KEEP_US)
        if entry is None or not oldest_us < entry.parsed["began_us"] <= permit.stamp_us:
            return None
        return FetchedRows.of(entry, permit.stamp_us)

    def _unfinished_key(self, segment: Segment) -> str:
        return self.cache.key(self.series.ticker, keys.unfinished(self.series.name, segment.name))


@dataclass(slots=True, eq=False)
class FetchedRows:
    """The rows that a fetch, started at ``stamp_us``, has of a run of segments that ends at ``end_ms``.

    ``begin_ms``: where they begin, which is the start of the plan's history if that is later than the run's start. ``traded``:
    whether any bars of the ticker are known. ``rows``: the bars so far, oldest first. ``delayed``, ``dropped``, ``suspect``: as in
    dekr.market.bars.model.Page. ``next_url``: the address of the next page, None after the last. ``empty_pages``: how many of the
    last pages brought no new bar. ``began_us``: when the earlier fetch started that this one continues; ``resumed_ms``: the start
    of the newest bar that it had. Both are 0 where there is none.
    """

    stamp_us: int
    begin_ms: int
    end_ms: int
    traded: bool
    rows: list[Row] = field(default_factory=list)
    delayed: bool = False
    dropped: list[int] = field(default_factory=list)
    suspect: list[int] = field(default_factory=list)
    next_url: str | None = None
    empty_pages: int = 0
    began_us: int = 0
    resumed_ms: int = 0

    @classmethod
    def of(cls, entry: Entry, stamp_us: int) -> "FetchedRows":
        """The rows in the entry that ``unfinished`` made, with which a fetch started at ``stamp_us`` goes on."""
        page, kept = page_of(entry), entry.parsed
        return cls(
            stamp_us,
            kept["begin"],
            kept["end"],
            traded=True,
            rows=list(page.rows),
            delayed=page.delayed,
            dropped=list(page.dropped),
            suspect=list(page.suspect),
            next_url=kept["next"],
            empty_pages=kept["empty"],
            began_us=kept["began_us"],
            resumed_ms=page.rows[-1][0] if page.rows else 0,
        )

    @property
    def last_ms(self) -> int:
        """The start of the newest bar; 0 where there is none."""
        start: int = self.rows[-1][0] if self.rows else 0
        return start

    def add(self, page: "Bars") -> None:
        """Add a page of bars; of a bar that comes twice the last one counts. Raises UpstreamInvalid where the pages do not end."""
        rows = [[bar.t, bar.o, bar.h, bar.l, bar.c, bar.v, bar.vw, bar.n] for bar in page.bars]
        self.empty_pages = 0 if page.bars and page.bars[-1].t > self.last_ms else self.empty_pages + 1
        if rows and self.rows and rows[0][0] == self.last_ms:
            self.suspect = [at_ms for at_ms in self.suspect if at_ms != self.last_ms]
            self.rows.pop()
        self.rows += rows
        self.delayed = self.delayed or page.delayed
        self.dropped += page.dropped
        self.suspect += page.suspect
        self.traded = self.traded or bool(rows)
        self.next_url = page.next_url
        if self.next_url is not None and self.empty_pages >= MAX_EMPTY_PAGES:
            raise UpstreamInvalid("The data provider's pages do not end.", fault="next_url: pages do not end")

    def has_all_of(self, segment: Segment) -> bool:
        """Whether all bars of the segment are there. The newest bar may come once more, on the next page."""
        return segment.end_ms <= (self.end_ms if self.next_url is None else self.last_ms)

    def write(self, key: str, segment: Segment, old: Entry | None) -> Write:
        """The write of one segment's entry; ``old`` is what the cache had under its key.

        A segment that should have bars and has none is kept for a short time only. Raises UpstreamInvalid where ``old`` had bars
        and there are none now.
        """
        page, stamp_us = self._page(segment), self._stamp_us(segment)
        if not page.rows and old is not None and page_of(old).rows:
            text = "The data provider sent no bars where it had sent some before."
            raise UpstreamInvalid(text, fault="results: empty, and were not before")
        since_end_us = stamp_us - trading_end_us(segment.end_ms * 1000)
        if not page.rows and (not self.traded or 0 < since_end_us < LATE_PUBLICATION_US):
            return Write.negative(key, stamp_us, page.payload())
        return Write(key, Entry(stamp_us, Kind.VALUE, page.payload()), page.keep_us)

    def unfinished(self, key: str, segment: Segment) -> Write:
        """The write that keeps what there is of the first segment that is not complete: the next fetch goes on from there."""
        kept: dict[str, Any] = json.loads(self._page(segment).payload())
        kept |= {"begin": self.begin_ms, "end": self.end_ms, "next": self.next_url, "empty": self.empty_pages}
        kept["began_us"] = self._stamp_us(segment)
        payload = json.dumps(kept, separators=(",", ":")).encode()
        return Write(key, Entry(self.stamp_us, Kind.VALUE, payload), UNFINISHED_KEEP_US)

    def _stamp_us(self, segment: Segment) -> int:
        """When the fetch of the segment's bars started."""
        return self.began_us if segment.start_ms <= self.resumed_ms else self.stamp_us

    def _page(self, segment: Segment) -> Page:
        start_ms, end_ms = segment.start_ms, segment.end_ms
        dropped, suspect = (
            [at_ms for at_ms in moments if start_ms <= at_ms < end_ms] for moments in (self.dropped, self.suspect)
        )
        rows = rows_between(self.rows, start_ms, end_ms)
        return Page(rows, self.delayed, start_ms < self.begin_ms, dropped, suspect)
