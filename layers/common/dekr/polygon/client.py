"""The client of the upstream: a method for each kind of answer, which makes the call and validates what came.

All methods raise what ``dekr.polygon.failures`` and ``dekr.polygon.retry.with_retry`` list. Paths, limits and time-outs are
those of the rows in ``dekr.polygon.endpoints``; shapes and units are those of the upstream's OpenAPI description. An item of a list
that is structurally broken is left out, as long as it is one of few (``dekr.polygon.listed``).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel

from dekr.data_source import DataSource
from dekr.errors import UnknownSymbol, UpstreamInvalid
from dekr.flaws import NO_FLAWS, Flaws
from dekr.gate.call import Call
from dekr.polygon import endpoints, wire, wire_lists, wire_snapshots
from dekr.polygon.endpoints import Endpoint
from dekr.polygon.latest import Latest, Snapshot, snapshot_from_v2, snapshot_from_v3
from dekr.polygon.listed import Broken, Listed, checked, last_of_each, read_list, rising
from dekr.polygon.retry import with_retry
from dekr.polygon.transport import Reply, Transport
from dekr.times import DAY_MS

FUTURE_US: Final = 120_000_000
"""Data stamped farther ahead than this of both the service's clock and the upstream's own is wrong."""

_FUTURE: Final = "t: in the future"
_MISPLACED: Final = "t: out of order"
_NOT_REQUESTED: Final = "ticker: not the requested one"
_COUNTS: Final = ("count", "resultsCount", "queryCount")
"""The fields of an answer that say how many items its list has."""

LOOK_BACK_DAYS: Final = 7
"""The newest minute bar of a ticker is searched in so many days."""


@dataclass(frozen=True, slots=True)
class Bars:
    """A page of bars in order of time; ``delayed``: whether the upstream labelled it as delayed.

    ``dropped``: the moments (ms) of the bars that were left out because they are broken: of one without a time, the one before
    it. ``next_url``: the address of the page after it, None on the last one.
    """

    bars: list[wire.Bar]
    delayed: bool
    dropped: list[int] = field(default_factory=list)
    next_url: str | None = None

    @property
    def suspect(self) -> list[int]:
        """The starts (ms) of the bars whose prices can hardly be true."""
        return [bar.t for bar in self.bars if bar.suspect]


class Market(NamedTuple):
    """The snapshots of the whole market, and how many others were ``dropped``, because they are broken."""

    snapshots: list[Snapshot]
    dropped: int


class Grouped(NamedTuple):
    """The bars of a day by ticker; ``broken``: the tickers whose bars were left out."""

    bars: dict[str, Latest]
    broken: frozenset[str]


class Sent(NamedTuple):
    """An answer that is passed on: its parsed ``body`` as the upstream sent it, whether it is ``delayed``, its ``flaws``, and the
    ``broken`` items that were left out of its list.
    """

    body: Any
    delayed: bool
    flaws: Flaws = NO_FLAWS
    broken: Sequence[Any] = ()


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
        """The snapshots of several tickers in one call (family market); tickers that have none are left out. For one whose
        snapshot is broken it holds a snapshot with the error BROKEN.
        """

        def read(reply: Reply) -> list[Snapshot]:
            found, listed = self._snapshots(reply, tickers)
            named = {snapshot.ticker for snapshot in found}
            left = [ticker for ticker in tickers if ticker not in named]
            broken = [_text(each.item, "ticker") for each in listed.broken]
            # Whose a broken item without a proper name is, nobody knows: it may be that of any ticker that is not there.
            lost = left if set(broken) - set(left) else [ticker for ticker in left if ticker in broken]
            return found + [Snapshot.broken(ticker) for ticker in lost]

        return self._get(endpoints.SNAPSHOTS, call, read, {"tickers": ",".join(tickers)})

    def market(self, call: Call) -> Market:
        """The snapshots of the whole market in one call (family market)."""

        def read(reply: Reply) -> Market:
            found, listed = self._snapshots(reply)
            return Market(found, len(listed.broken))

        return self._get(endpoints.MARKET, call, read)

    def universal(self, tickers: Sequence[str], call: Call) -> list[Snapshot]:
        """The universal snapshots of several tickers in one call (family universal), at most ``endpoints.UNIVERSAL.max_limit``.
        For a ticker that is not known, or not in the plan, or whose snapshot is broken (BROKEN), it holds a snapshot with an
        error.
        """

        def read(reply: Reply) -> list[Snapshot]:
            answer, listed = _list(wire_snapshots.UniversalAnswer, reply)
            found = self._sound(snapshot_from_v3, listed, _delayed(answer), reply, tickers)
            named = {snapshot.ticker for snapshot in found}
            # Each requested ticker is an item, if need be with an error: one that is not there was sent broken, or not at all.
            lost = [ticker for ticker in dict.fromkeys(tickers) if ticker not in named]
            listed.count_missing(len(lost) - len(listed.broken), "results: a requested ticker is missing")
            return found + [Snapshot.broken(ticker) for ticker in lost]

        parameters = {"ticker.any_of": ",".join(tickers), "limit": str(endpoints.UNIVERSAL.max_limit)}
        return self._get(endpoints.UNIVERSAL, call, read, parameters)

    def grouped(self, day: str, call: Call, *, adjusted: bool = False) -> Grouped:
        """The bars of a day (YYYY-MM-DD) by ticker, of all tickers that traded (family grouped). Their ``t`` is the end of the
        day in milliseconds.
        """

        def read(reply: Reply) -> Grouped:
            answer, listed = _list(wire.GroupedAnswer, reply)
            delayed, sent = _delayed(answer), _with_whole_counts(listed)
            bars = {bar["T"]: Latest(DataSource.PREVIOUS_CLOSE, bar, delayed) for bar in sent}
            return Grouped(bars, frozenset(_text(each.item, "T") for each in listed.broken))

        return self._get(endpoints.GROUPED, call, read, {"adjusted": str(adjusted).lower()}, day=day)

    def answer(self, endpoint: Endpoint, parameters: Mapping[str, str], call: Call, **parts: object) -> Sent:
        """The validated answer of an endpoint whose row has a shape, as the upstream sent it, without broken items.

        ``parts``: the parts of the path. In the place of ``next_url``, which must lead on from the same path, stands its cursor
        alone, and ``request_id`` is left out. Of articles with one ``id`` the last one is kept.
        """
        assert endpoint.shape is not None, f"{endpoint.name} is not passed on"
        model: type[BaseModel] = getattr(wire_lists, endpoint.shape)
        path = endpoint.url(**parts)

        def read(reply: Reply) -> Sent:
            if "results" not in model.model_fields:
                delayed = _delayed(_valid(model, reply))
                return Sent({name: value for name, value in reply.body.items() if name != "request_id"}, delayed)
            bare = model is wire_lists.UpcomingDays
            answer, listed = _list(model, replace(reply, body={"results": reply.body}) if bare else reply)
            if isinstance(answer, wire_lists.PreviousAnswer):
                requested = path.split("/")[-2]
                _check_ticker(requested, answer.ticker or requested)
                _with_whole_counts(listed)
            listed.leave_out(self._ahead([item.at_us for item in listed.items], reply))
            if model is wire_lists.Articles:
                listed.choose(last_of_each([article.id for article in listed.items]))
            flaws = Flaws(len(listed.broken), sum(item.suspect for item in listed.items))
            body = listed.sent if bare else _passed_on(reply.body, listed, path)
            return Sent(body, _delayed(answer), flaws, [each.item for each in listed.broken])

        return self._get(endpoint, call, read, parameters, **parts)

    def pages(self, endpoint: Endpoint, parameters: Mapping[str, str], call: Call, max_pages: int) -> Iterator[Sent]:
        """The answers of a list that goes on from page to page, up to ``max_pages`` of them: each as ``answer`` returns it."""
        for _ in range(max_pages):
            sent = self.answer(endpoint, parameters, call)
            yield sent
            cursor = sent.body.get("next_url")
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
        """The bars of a ticker whose window touches [first_ms, last_ms], oldest first: the first page of them (family aggs)."""
        endpoint = endpoints.BARS
        url = endpoint.url(ticker=ticker, multiplier=multiplier, timespan=timespan, first_ms=first_ms, last_ms=last_ms)
        limit = str(endpoint.max_limit)
        parameters = {"adjusted": str(adjusted).lower(), "sort": "asc", "limit": limit}
        return self._bars(ticker, url, parameters, call, 0, (first_ms, last_ms))

    def aggs_after(self, ticker: str, next_url: str, after_ms: int, last_ms: int, call: Call) -> Bars:
        """The page at a ``next_url`` of the bars up to ``last_ms``. None starts before ``after_ms``, the start of the last bar
        before it; that one may come once more, and then counts.
        """
        return self._bars(ticker, next_url, None, call, after_ms, (after_ms, last_ms))

    def _bars(
        self,
        ticker: str,
        url: str,
        parameters: Mapping[str, str] | None,
        call: Call,
        after_ms: int,
        within_ms: tuple[int, int],
    ) -> Bars:
        page, listed = self._send(endpoints.BARS, url, parameters, call, partial(self._page, ticker, after_ms), ticker)
        dropped = [_moment_ms(each, *within_ms) for each in listed.broken]
        return Bars(listed.items, _delayed(page), dropped, page.next_url or None)

    def _page(self, ticker: str, after_ms: int, reply: Reply) -> tuple[wire.Aggregates, Listed[wire.Bar]]:
        """A page of bars: those in order of time, each once, none of which starts before ``after_ms``."""
        page, listed = _list(wire.Aggregates, reply)
        _check_ticker(ticker, page.ticker or ticker)
        listed.leave_out(self._ahead([bar.at_us for bar in listed.items], reply))
        listed.leave_out({position: _MISPLACED for position, bar in enumerate(listed.items) if bar.t < after_ms})
        if any(later.t <= earlier.t for earlier, later in pairwise(listed.items)):
            listed.choose(last_of_each([bar.t for bar in listed.items]))
            in_order = set(rising([bar.t for bar in listed.items]))
            listed.leave_out({at: _MISPLACED for at in range(len(listed.items)) if at not in in_order})
        return page, listed

    def _one_bar(self, ticker: str, source: DataSource, reply: Reply) -> Latest | None:
        page, listed = self._page(ticker, 0, reply)
        bars = _with_whole_counts(listed)
        return Latest(source, bars[-1], _delayed(page)) if bars else None

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
        def attempt() -> tuple[T, Sequence[str]]:
            reply = self.transport.get(url, parameters, call.deadline, endpoint.attempt_s)
            return read(reply), reply.left_out

        return with_retry(
            attempt,
            endpoint,
            call,
            monotonic=self.transport.monotonic,
            random=self.random,
            sleep=self.sleep,
            ticker=ticker,
        )

    def _snapshots(
        self, reply: Reply, requested: Collection[str] | None = None
    ) -> tuple[list[Snapshot], Listed[wire_snapshots.TickerSnapshot]]:
        answer, listed = _list(wire_snapshots.SnapshotsAnswer, reply, "tickers")
        return self._sound(snapshot_from_v2, listed, _delayed(answer), reply, requested), listed

    def _sound[I](
        self,
        make: Callable[..., Snapshot],
        listed: Listed[I],
        delayed: bool,  # noqa: FBT001 - the label of the answer
        reply: Reply,
        requested: Collection[str] | None,
    ) -> list[Snapshot]:
        """The snapshots in a list, each ticker's last one, without those from the future or of tickers that were not requested
        (None: of any). ``make`` is snapshot_from_v2 or snapshot_from_v3.
        """
        found = [make(item, sent, delayed=delayed) for item, sent in zip(listed.items, listed.sent, strict=True)]
        faults = self._ahead([_latest_us(snapshot) for snapshot in found], reply)
        if requested is not None:
            others = [position for position, each in enumerate(found) if each.ticker not in requested]
            faults |= dict.fromkeys(others, _NOT_REQUESTED)
        listed.leave_out(faults)
        kept = [each for position, each in enumerate(found) if position not in faults]
        listed.check_doubled([each.ticker for each in kept])
        return list({each.ticker: each for each in kept}.values())

    def _check_latest(self, found: Snapshot, reply: Reply) -> None:
        self._check_time(_latest_us(found), reply)

    def _check_time(self, us: int, reply: Reply) -> None:
        if us > self._newest_us(reply):
            raise UpstreamInvalid("The data provider sent data from the future.", fault=_FUTURE)

    def _ahead(self, moments_us: Sequence[int], reply: Reply) -> dict[int, str]:
        """The positions of those moments that lie in the future, each with the rule that it breaks."""
        newest_us = self._newest_us(reply)
        return {position: _FUTURE for position, us in enumerate(moments_us) if us > newest_us}

    def _newest_us(self, reply: Reply) -> int:
        return max(self.now_us(), reply.date_us or 0) + FUTURE_US


def _tickers_of(parts: Mapping[str, object], parameters: Mapping[str, str]) -> str:
    """The ticker or tickers that a call is for, by its path or its parameters; empty where it is for no certain ones."""
    named = [parts.get("ticker"), *(parameters.get(name) for name in ("ticker", "tickers", "ticker.any_of"))]
    return str(next(filter(None, named), ""))


def _valid[M: BaseModel](model: type[M], reply: Reply) -> M:
    """The reply as the model, where its status is a good one. Raises UpstreamInvalid."""
    return _good(checked(model, reply.body))


def _list[M: BaseModel](model: type[M], reply: Reply, name: str = "results") -> tuple[M, Listed[Any]]:
    """The reply as the model, where its status is a good one, and its list without broken items. Raises UpstreamInvalid."""
    answer, listed = read_list(model, reply, name)
    return _good(answer), listed


def _good[M: BaseModel](answer: M) -> M:
    if getattr(answer, "status", "OK") not in ("OK", "DELAYED", "success"):
        fault = f"{type(answer).__name__}: status"
        raise UpstreamInvalid("The data provider sent an error as an answer.", fault=fault)
    return answer


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


def _passed_on(body: dict[str, Any], listed: Listed[Any], path: str) -> dict[str, Any]:
    """The body of a list as it is passed on (``PolygonClient.answer``); ``path``: that of the request."""
    sent = {name: value for name, value in body.items() if name != "request_id"}
    if len(listed.sent) != listed.total:
        sent["results"] = listed.sent
        sent |= {name: len(listed.sent) for name in _COUNTS if name in sent}
    if sent.get("next_url"):
        sent["next_url"] = _cursor_of(sent["next_url"], path)
    return sent


def _with_whole_counts(listed: Listed[Any]) -> list[dict[str, Any]]:
    """The bars of a list as sent, with numbers of transactions that have no fraction (12.0) as integers."""
    for item, sent in zip(listed.items, listed.sent, strict=True):
        if isinstance(sent.get("n"), float):
            sent["n"] = item.n
    return listed.sent


def _moment_ms(broken: Broken, first_ms: int, last_ms: int) -> int:
    """When a broken bar of this range starts; where it does not say, the start of the one before it, or of the range."""
    times = (each.get("t") for each in broken if isinstance(each, dict))
    return next((t for t in times if type(t) is int and first_ms <= t <= last_ms), first_ms)


def _latest_us(found: Snapshot) -> int:
    """The moment of the newest quote or trade in a snapshot, in microseconds since the epoch; 0 where there is none."""
    return max((each.at_us for each in (found.quote, found.trade) if each is not None), default=0)


def _text(item: object, name: str) -> str:
    """The text in a field of a broken item; empty where it has none."""
    value = item.get(name) if isinstance(item, dict) else None
    return value if isinstance(value, str) else ""


def _check_ticker(requested: str, received: str) -> None:
    if received != requested:
        raise UpstreamInvalid("The data provider answered for another ticker.", fault=_NOT_REQUESTED)
