"""The client of the upstream: a method for each kind of answer, which makes the call and validates what came.

All methods raise what ``dekr.polygon.failures`` and ``dekr.polygon.retry.with_retry`` list. Paths, limits and time-outs are
those of the rows in ``dekr.polygon.endpoints``; shapes and units are those of the upstream's OpenAPI description.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ValidationError

from dekr.data_source import DataSource
from dekr.errors import UnknownSymbol, UpstreamInvalid
from dekr.gate.call import Call
from dekr.polygon import endpoints, wire, wire_lists, wire_snapshots
from dekr.polygon.endpoints import Endpoint
from dekr.polygon.latest import Latest, Snapshot, snapshot_from_v2, snapshot_from_v3
from dekr.polygon.retry import with_retry
from dekr.polygon.transport import Reply, Transport
from dekr.times import DAY_MS

FUTURE_US: Final = 120_000_000
"""Data stamped farther ahead than this of both the service's clock and the upstream's own is wrong."""

MAX_WRONG: Final = 0.01
"""The largest fraction of the whole market's snapshots that may be wrong and left out."""

MAX_PAGES: Final = 64
"""A list that has more pages than this is taken for one that does not end."""

LOOK_BACK_DAYS: Final = 7
"""The newest minute bar of a ticker is searched in so many days."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars in order of time; ``delayed``: whether the upstream labelled any page of them as delayed."""

    bars: list[wire.Bar]
    delayed: bool


@dataclass(frozen=True, slots=True, eq=False)
class PolygonClient:
    """Calls the upstream. ``now_us``: the service's clock (microseconds); ``random``: gives numbers from 0 to 1 for the jitter of
    retries, between which ``sleep`` waits (seconds).
    """

    transport: Transport
    now_us: Callable[[], int]
    random: Callable[[], float]
    sleep: Callable[[float], None]

    def last_nbbo(self, ticker: str, call: Call) -> Latest | None:
        """The last NBBO of a ticker (family nbbo); None while nobody quotes either side."""

        def read(reply: Reply) -> Latest | None:
            answer = _valid(wire.LastQuoteAnswer, reply)
            _check_ticker(ticker, answer.results.T)
            self._check_time(answer.results.t // 1000, reply)
            if answer.results.empty:
                return None
            return Latest(DataSource.NBBO, wire.as_sent(reply.body, "results"), _delayed(answer))

        return self._get(endpoints.LAST_QUOTE, call, read, ticker=ticker)

    def last_trade(self, ticker: str, call: Call) -> Latest | None:
        """The last trade of a ticker (family trade)."""

        def read(reply: Reply) -> Latest | None:
            answer = _valid(wire.LastTradeAnswer, reply)
            _check_ticker(ticker, answer.results.T)
            self._check_time(answer.results.t // 1000, reply)
            return Latest(DataSource.TRADE, wire.as_sent(reply.body, "results"), _delayed(answer))

        return self._get(endpoints.LAST_TRADE, call, read, ticker=ticker)

    def snapshot(self, ticker: str, call: Call) -> Snapshot | None:
        """The snapshot of a ticker (family snapshot); None where the upstream answers 404.

        The upstream clears snapshots every night and answers 404 until the ticker trades, so 404 does not mean that the ticker
        is unknown.
        """

        def read(reply: Reply) -> Snapshot:
            answer = _valid(wire_snapshots.SnapshotAnswer, reply)
            _check_ticker(ticker, answer.ticker.ticker)
            found = snapshot_from_v2(answer.ticker, wire.as_sent(reply.body, "ticker"), delayed=_delayed(answer))
            self._check_latest(found, reply)
            return found

        try:
            return self._get(endpoints.SNAPSHOT, call, read, ticker=ticker)
        except UnknownSymbol:
            return None

    def snapshots(self, tickers: Sequence[str], call: Call) -> list[Snapshot]:
        """The snapshots of several tickers in one call (family market); tickers that have none are left out."""
        found = self._get(endpoints.SNAPSHOTS, call, self._snapshots, {"tickers": ",".join(tickers)})
        _check_tickers(tickers, found)
        return found

    def market(self, call: Call) -> list[Snapshot]:
        """The snapshots of the whole market in one call (family market).

        A snapshot that is wrong in itself is left out, so that one among thousands does not cost all others. Raises
        UpstreamInvalid where a larger fraction than MAX_WRONG is.
        """

        def read(reply: Reply) -> list[Snapshot]:
            answer = _valid(wire_snapshots.MarketAnswer, reply)
            listed = answer.tickers or []
            found: list[Snapshot] = []
            faults: list[str | None] = []
            for sent in listed:
                try:
                    item = _checked(wire_snapshots.TickerSnapshot, sent)
                    snapshot = snapshot_from_v2(item, sent, delayed=_delayed(answer))
                    self._check_latest(snapshot, reply)
                    found.append(snapshot)
                except UpstreamInvalid as error:
                    faults.append(error.fault)
            if len(faults) > len(listed) * MAX_WRONG:
                text = "The data provider sent too many snapshots that are wrong."
                raise UpstreamInvalid(text, fault=f"{len(faults)} of {len(listed)} snapshots, first {faults[0]}")
            return _each_once(found)

        return self._get(endpoints.MARKET, call, read)

    def universal(self, tickers: Sequence[str], call: Call) -> list[Snapshot]:
        """The universal snapshots of several tickers in one call (family universal), at most ``endpoints.UNIVERSAL.max_limit``.
        For a ticker that is not known, or not in the plan, it holds a snapshot with an error.
        """

        def read(reply: Reply) -> list[Snapshot]:
            answer = _valid(wire_snapshots.UniversalAnswer, reply)
            delayed = _delayed(answer)
            sent = zip(answer.results or [], reply.body.get("results") or [], strict=True)
            found = [snapshot_from_v3(item, as_sent, delayed=delayed) for item, as_sent in sent]
            # Each requested ticker is an item, if need be with an error: one that is left out or doubled shows that items are
            # mixed up.
            if sorted(snapshot.ticker for snapshot in found) != sorted(set(tickers)):
                raise UpstreamInvalid(
                    "The data provider answered for other tickers.", fault="results: other tickers than requested"
                )
            for snapshot in found:
                self._check_latest(snapshot, reply)
            return found

        parameters = {"ticker.any_of": ",".join(tickers), "limit": str(endpoints.UNIVERSAL.max_limit)}
        return self._get(endpoints.UNIVERSAL, call, read, parameters)

    def grouped(self, day: str, call: Call, *, adjusted: bool = False) -> dict[str, Latest]:
        """The bars of a day (YYYY-MM-DD) by ticker, of all tickers that traded (family grouped). Their ``t`` is the end of the
        day in milliseconds.
        """

        def read(reply: Reply) -> dict[str, Latest]:
            answer = _valid(wire.GroupedAnswer, reply)
            delayed = _delayed(answer)
            return {
                bar["T"]: Latest(DataSource.PREVIOUS_CLOSE, bar, delayed) for bar in reply.body.get("results") or []
            }

        return self._get(endpoints.GROUPED, call, read, {"adjusted": str(adjusted).lower()}, day=day)

    def answer(
        self, endpoint: Endpoint, parameters: Mapping[str, str], call: Call, **parts: object
    ) -> tuple[Any, bool]:
        """The validated answer of an endpoint whose row has a shape, as the upstream sent it, and whether it is delayed.

        ``parts``: the parts of the path. In the place of ``next_url``, which must lead on from the same path, stands its cursor
        alone, and ``request_id`` is left out.
        """
        assert endpoint.shape is not None, f"{endpoint.name} is not passed on"
        model: type[BaseModel] = getattr(wire_lists, endpoint.shape)
        path = endpoint.url(**parts)

        def read(reply: Reply) -> tuple[Any, bool]:
            answer = _valid(model, reply)
            if isinstance(answer, wire_lists.PreviousAnswer):
                self._check_previous(answer, path, reply)
            sent = reply.body
            if isinstance(sent, dict):
                sent.pop("request_id", None)
                if sent.get("next_url"):
                    sent["next_url"] = _cursor_of(sent["next_url"], path)
            return sent, _delayed(answer)

        return self._get(endpoint, call, read, parameters, **parts)

    def pages(
        self, endpoint: Endpoint, parameters: Mapping[str, str], call: Call, max_pages: int
    ) -> Iterator[tuple[Any, bool]]:
        """The answers of a list that goes on from page to page, up to ``max_pages`` of them: each as ``answer`` returns it."""
        for _ in range(max_pages):
            sent, delayed = self.answer(endpoint, parameters, call)
            yield sent, delayed
            cursor = sent.get("next_url")
            if not cursor:
                return
            parameters = {"cursor": cursor}

    def newest_minute(self, ticker: str, call: Call) -> Latest | None:
        """The newest minute bar of a ticker in the last LOOK_BACK_DAYS days (family minute); None where there is none."""
        now_ms = self.now_us() // 1000
        return self._get(
            endpoints.NEWEST_MINUTE,
            call,
            partial(self._one_bar, ticker, DataSource.MINUTE_BAR),
            {"adjusted": "false", "sort": "desc", "limit": "1"},
            ticker=ticker,
            first_ms=now_ms - LOOK_BACK_DAYS * DAY_MS,
            last_ms=now_ms,
        )

    def previous_close(self, ticker: str, call: Call) -> Latest | None:
        """The bar of a ticker's previous trading day (family prev); None for a ticker that the upstream does not know."""
        read = partial(self._one_bar, ticker, DataSource.PREVIOUS_CLOSE)
        return self._get(endpoints.PREVIOUS_CLOSE, call, read, {"adjusted": "false"}, ticker=ticker)

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
        """All bars of a ticker whose window touches [first_ms, last_ms], oldest first, over all pages (family aggs)."""
        endpoint = endpoints.BARS
        url = endpoint.url(ticker=ticker, multiplier=multiplier, timespan=timespan, first_ms=first_ms, last_ms=last_ms)
        limit = str(endpoint.max_limit)
        parameters: Mapping[str, str] | None = {"adjusted": str(adjusted).lower(), "sort": "asc", "limit": limit}
        bars: list[wire.Bar] = []
        delayed = False
        followed: set[str] = set()
        pages = 0
        while True:
            page = self._send(endpoint, url, parameters, call, partial(self._page, ticker, bars[-1:]), ticker)
            bars += page.results or []
            delayed = delayed or _delayed(page)
            if not page.next_url:
                return Bars(bars, delayed)
            url, parameters = page.next_url, None
            followed.add(url)
            if len(followed) in (pages, MAX_PAGES):
                raise UpstreamInvalid("The data provider's pages do not end.", fault="next_url: pages do not end")
            pages = len(followed)

    def _page(self, ticker: str, before: list[wire.Bar], reply: Reply) -> wire.Aggregates:
        """The bars of a page, which must come after those of ``before``."""
        page = _valid(wire.Aggregates, reply)
        _check_ticker(ticker, page.ticker or ticker)
        bars = before + (page.results or [])
        if any(later.t <= earlier.t for earlier, later in pairwise(bars)):
            raise UpstreamInvalid("The data provider sent bars out of order.", fault="results.t: out of order")
        if bars:
            self._check_time(bars[-1].t * 1000, reply)
        return page

    def _one_bar(self, ticker: str, source: DataSource, reply: Reply) -> Latest | None:
        page = self._page(ticker, [], reply)
        if not page.results:
            return None
        bar: dict[str, Any] = reply.body["results"][-1]
        return Latest(source, bar, _delayed(page))

    def _get[T](
        self,
        endpoint: Endpoint,
        call: Call,
        read: Callable[[Reply], T],
        parameters: Mapping[str, str] | None = None,
        **parts: object,
    ) -> T:
        return self._send(endpoint, endpoint.url(**parts), parameters, call, read, _tickers_of(parts, parameters or {}))

    def _send[T](
        self,
        endpoint: Endpoint,
        url: str,
        parameters: Mapping[str, str] | None,
        call: Call,
        read: Callable[[Reply], T],
        ticker: str,
    ) -> T:
        return with_retry(
            lambda: read(self.transport.get(url, parameters, call.deadline, endpoint.attempt_s)),
            endpoint,
            call,
            monotonic=self.transport.monotonic,
            random=self.random,
            sleep=self.sleep,
            ticker=ticker,
        )

    def _snapshots(self, reply: Reply) -> list[Snapshot]:
        answer = _valid(wire_snapshots.SnapshotsAnswer, reply)
        delayed = _delayed(answer)
        sent = zip(answer.tickers or [], reply.body.get("tickers") or [], strict=True)
        found = [snapshot_from_v2(item, as_sent, delayed=delayed) for item, as_sent in sent]
        for snapshot in found:
            self._check_latest(snapshot, reply)
        return _each_once(found)

    def _check_previous(self, answer: wire_lists.PreviousAnswer, path: str, reply: Reply) -> None:
        requested = path.split("/")[-2]
        _check_ticker(requested, answer.ticker or requested)
        for bar in answer.results or []:
            self._check_time(bar.t * 1000, reply)

    def _check_latest(self, found: Snapshot, reply: Reply) -> None:
        for latest in (found.quote, found.trade):
            if latest is not None:
                t = latest.fields["t"]
                self._check_time(t * 1000 if latest.source is DataSource.MINUTE_BAR else t // 1000, reply)

    def _check_time(self, us: int, reply: Reply) -> None:
        if us > max(self.now_us(), reply.date_us or 0) + FUTURE_US:
            raise UpstreamInvalid("The data provider sent data from the future.", fault="t: in the future")


def _tickers_of(parts: Mapping[str, object], parameters: Mapping[str, str]) -> str:
    """The ticker or tickers that a call is for, by its path or its parameters; empty where it is for no certain ones."""
    named = [parts.get("ticker"), *(parameters.get(name) for name in ("ticker", "tickers", "ticker.any_of"))]
    return str(next(filter(None, named), ""))


def _checked[M: BaseModel](model: type[M], sent: object) -> M:
    """The parsed JSON as the model. Raises UpstreamInvalid, whose fault names the field and the rule that it breaks."""
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        text = "The data provider sent an answer of another shape."
        raise UpstreamInvalid(text, fault=broken_rule(model, error)) from error


def _valid[M: BaseModel](model: type[M], reply: Reply) -> M:
    """The reply as the model, where its status is a good one. Raises UpstreamInvalid."""
    answer = _checked(model, reply.body)
    if getattr(answer, "status", "OK") not in ("OK", "DELAYED", "success"):
        raise UpstreamInvalid("The data provider sent an error as an answer.", fault=f"{model.__name__}: status")
    return answer


def broken_rule(model: type[BaseModel], error: ValidationError) -> str:
    """The first rule of a model that an answer broke, for the log: the model, the field's path and the kind of fault, such as
    ``LastQuoteAnswer: results.t: int_type``; never the value.
    """
    first, count = error.errors(include_input=False, include_url=False)[0], error.error_count()
    path = ".".join(str(part) for part in first["loc"]) or "."
    return f"{model.__name__}: {path}: {first['type']}" + (f" and {count - 1} more" if count > 1 else "")


def _delayed(answer: BaseModel) -> bool:
    return getattr(answer, "status", "OK") == "DELAYED"


def _cursor_of(next_url: str, path: str) -> str:
    """The cursor in a ``next_url`` that leads on from this path."""
    try:
        target = urlsplit(next_url)
    except ValueError:
        # The cause is left out, because its text quotes the upstream's value.
        raise UpstreamInvalid(
            "The data provider pointed to an address that is none.", fault="next_url: no URL"
        ) from None
    found = parse_qs(target.query).get("cursor", [])
    if target.path != path or len(found) != 1:
        raise UpstreamInvalid("The data provider pointed to another list.", fault="next_url: another path")
    return found[0]


def _each_once(found: list[Snapshot]) -> list[Snapshot]:
    if len({snapshot.ticker for snapshot in found}) != len(found):
        raise UpstreamInvalid("The data provider answered twice for a ticker.", fault="tickers: one twice")
    return found


def _check_tickers(requested: Sequence[str], found: Sequence[Snapshot]) -> None:
    if not {snapshot.ticker for snapshot in found} <= set(requested):
        raise UpstreamInvalid("The data provider answered for another ticker.", fault="ticker: not the requested one")


def _check_ticker(requested: str, received: str) -> None:
    if received != requested:
        raise UpstreamInvalid("The data provider answered for another ticker.", fault="ticker: not the requested one")
