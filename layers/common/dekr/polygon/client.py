"""The upstream's endpoints that the service uses, each one a method that returns a validated answer.

All raise what ``dekr.polygon.failures`` and ``dekr.polygon.retry.ask`` list. Paths, shapes and units are those of the
upstream's OpenAPI description.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final

from pydantic import ValidationError

from dekr.errors import UnknownSymbol, UpstreamInvalid
from dekr.polygon import wire
from dekr.polygon.calls import Call
from dekr.polygon.retry import ask
from dekr.polygon.transport import Reply, Transport

FUTURE_US: Final = 120_000_000
"""Data stamped farther ahead of both our clock and the upstream's own is wrong."""

QUOTE_ATTEMPT_S: Final = 4.0
BARS_ATTEMPT_S: Final = 10.0
"""How long one attempt may take, for one quote and for a page of bars: less than the lease of the fetch, which each
further attempt renews."""

MOST_PAGES: Final = 64
"""An answer with more pages than this does not end."""

DAY_MS: Final = 86_400_000
LOOK_BACK_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote's fields as the upstream sent them. ``source`` names the kind: nbbo, snapshot, minute_bar or previous_close.
    ``delayed``: the upstream labelled it as such.
    """

    source: str
    fields: dict[str, Any]
    delayed: bool


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars in order of time."""

    bars: list[wire.Bar]
    delayed: bool


@dataclass(frozen=True, slots=True)
class PolygonClient:
    """The upstream. ``now_us``: our clock; ``random``: between 0 and 1, for the jitter."""

    transport: Transport
    now_us: Callable[[], int]
    random: Callable[[], float]
    sleep: Callable[[float], None]

    def last_nbbo(self, ticker: str, call: Call) -> Quote | None:
        """The last NBBO (family nbbo); None while nobody quotes either side."""

        def read(reply: Reply) -> Quote | None:
            answer = _valid(wire.LastQuoteAnswer, reply)
            _check_ticker(ticker, answer.results.T)
            self._check_time(answer.results.t // 1000, reply)
            if answer.results.empty:
                return None
            return Quote("nbbo", wire.as_sent(reply.body, "results"), _delayed(answer))

        return self._get("nbbo", f"/v2/last/nbbo/{ticker}", None, call, QUOTE_ATTEMPT_S, read)

    def snapshot(self, ticker: str, call: Call) -> Quote | None:
        """The quote of the ticker's snapshot (family snapshot), or the close of its last minute where there is no quote;
        None where there is neither. Snapshots are cleared every night and then answer 404 until the ticker trades, so
        here that does not mean that it is unknown.
        """

        def read(reply: Reply) -> Quote | None:
            answer = _valid(wire.SnapshotAnswer, reply)
            found = answer.ticker
            _check_ticker(ticker, found.ticker)
            if found.lastQuote is not None and not found.lastQuote.empty:
                self._check_time(found.lastQuote.t // 1000, reply)
                return Quote("snapshot", wire.as_sent(reply.body, "ticker", "lastQuote"), _delayed(answer))
            if found.min is not None and found.min.t > 0 and found.min.c > 0:
                self._check_time(found.min.t * 1000, reply)
                return Quote("minute_bar", wire.as_sent(reply.body, "ticker", "min"), _delayed(answer))
            return None

        path = f"/v2/snapshot/locale/us/markets/stocks/tickers/{ticker}"
        try:
            return self._get("snapshot", path, None, call, QUOTE_ATTEMPT_S, read)
        except UnknownSymbol:
            return None

    def newest_minute(self, ticker: str, call: Call) -> Quote | None:
        """The ticker's newest minute bar of the last days (family aggs)."""
        now_ms = self.now_us() // 1000
        path = f"/v2/aggs/ticker/{ticker}/range/1/minute/{now_ms - LOOK_BACK_DAYS * DAY_MS}/{now_ms}"
        parameters = {"adjusted": "false", "sort": "desc", "limit": "1"}
        return self._get(
            "minute", path, parameters, call, QUOTE_ATTEMPT_S, partial(self._one_bar, ticker, "minute_bar")
        )

    def previous_close(self, ticker: str, call: Call) -> Quote | None:
        """The previous trading day's bar (family prev); None for a ticker that the upstream does not know."""
        read = partial(self._one_bar, ticker, "previous_close")
        return self._get("prev", f"/v2/aggs/ticker/{ticker}/prev", {"adjusted": "false"}, call, QUOTE_ATTEMPT_S, read)

    def aggs(
        self,
        ticker: str,
        multiplier: int,
        timespan: str,
        first_ms: int,
        last_ms: int,
        call: Call,
        *,
        adjusted: bool,
    ) -> Bars:
        """All bars whose window touches [first_ms, last_ms], oldest first, over as many pages as there are (family aggs)."""
        url = f"/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{first_ms}/{last_ms}"
        parameters: Mapping[str, str] | None = {"adjusted": str(adjusted).lower(), "sort": "asc", "limit": "50000"}
        bars: list[wire.Bar] = []
        delayed = False
        followed: set[str] = set()
        pages = 0
        while True:
            page = self._get("aggs", url, parameters, call, BARS_ATTEMPT_S, partial(self._page, ticker, bars[-1:]))
            bars += page.results or []
            delayed = delayed or _delayed(page)
            if not page.next_url:
                return Bars(bars, delayed)
            url, parameters = page.next_url, None
            followed.add(url)
            if len(followed) in (pages, MOST_PAGES):
                raise UpstreamInvalid("The data provider's pages do not end.")
            pages = len(followed)

    def _page(self, ticker: str, before: list[wire.Bar], reply: Reply) -> wire.Aggregates:
        """A page of bars that come after those of ``before``."""
        page = _valid(wire.Aggregates, reply)
        _check_ticker(ticker, page.ticker or ticker)
        bars = before + (page.results or [])
        if any(later.t <= earlier.t for earlier, later in pairwise(bars)):
            raise UpstreamInvalid("The data provider sent bars out of order.")
        if bars:
            self._check_time(bars[-1].t * 1000, reply)
        return page

    def _one_bar(self, ticker: str, source: str, reply: Reply) -> Quote | None:
        page = self._page(ticker, [], reply)
        if not page.results:
            return None
        bar: dict[str, Any] = reply.body["results"][-1]
        return Quote(source, bar, _delayed(page))

    def _get[T](
        self,
        family: str,
        url: str,
        parameters: Mapping[str, str] | None,
        call: Call,
        most_s: float,
        read: Callable[[Reply], T],
    ) -> T:
        return ask(
            lambda: read(self.transport.get(url, parameters, call.deadline, most_s)),
            family,
            call,
            monotonic=self.transport.monotonic,
            random=self.random,
            sleep=self.sleep,
        )

    def _check_time(self, us: int, reply: Reply) -> None:
        if us > max(self.now_us(), reply.date_us or 0) + FUTURE_US:
            raise UpstreamInvalid("The data provider sent data from the future.")


def _valid[M: (wire.LastQuoteAnswer, wire.SnapshotAnswer, wire.Aggregates)](model: type[M], reply: Reply) -> M:
    try:
        answer = model.model_validate(reply.body)
    except ValidationError:
        raise UpstreamInvalid("The data provider sent an answer of another shape.") from None
    if answer.status not in ("OK", "DELAYED", "success"):
        raise UpstreamInvalid("The data provider sent an error as an answer.")
    return answer


def _delayed(answer: wire.LastQuoteAnswer | wire.SnapshotAnswer | wire.Aggregates) -> bool:
    return answer.status == "DELAYED"


def _check_ticker(asked: str, got: str) -> None:
    if got != asked:
        raise UpstreamInvalid("The data provider answered for another ticker.")
