"""The upstream's endpoints that the service uses, each one a method that returns a validated answer.

At most one retry, with full jitter, for what may pass by itself (5xx, time-outs, broken connections), and only while the
deadline leaves room for it. Every attempt is paid from the budget and reported to the breaker.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from dekr.errors import DeadlineExceeded, UnknownSymbol, UpstreamInvalid
from dekr.polygon import wire
from dekr.polygon.calls import Call, Outcome
from dekr.polygon.failures import Broken, KeyRefused, NotEntitled, Throttled
from dekr.polygon.transport import Reply, Transport

MOST_JITTER_S: Final = 0.25
LEAST_USEFUL_S: Final = 0.2
"""An attempt with less time than this is not started."""

FUTURE_US: Final = 120_000_000
"""Data stamped farther ahead of both our clock and the upstream's own is wrong."""

QUICK_S: Final = 1.75
SLOW_S: Final = 5.5
"""How long one attempt may take, for one quote and for a page of bars; two attempts fit into the lease of the fetch."""

DAY_MS: Final = 86_400_000
LOOK_BACK_DAYS: Final = 7

_SEEN: Final[tuple[tuple[type[Exception], Outcome], ...]] = (
    (Throttled, Outcome.THROTTLED),
    (KeyRefused, Outcome.KEY_REFUSED),
    (Broken, Outcome.FAILED),
    (NotEntitled, Outcome.NOT_ENTITLED),
    (UnknownSymbol, Outcome.REFUSED),
    (UpstreamInvalid, Outcome.MALFORMED),
)


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote's fields as the upstream sent them; ``source`` names the kind: nbbo, snapshot or minute_bar."""

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

    def last_nbbo(self, ticker: str, call: Call) -> Quote:
        """The last NBBO (family nbbo). Raises what ``dekr.polygon.failures`` lists."""
        reply = self._get("nbbo", f"/v2/last/nbbo/{ticker}", None, call, QUICK_S)
        answer = self._valid(wire.LastQuoteAnswer, reply)
        self._check_ticker(ticker, answer.results.T)
        self._check_time(answer.results.t // 1000, reply)
        return Quote("nbbo", wire.as_sent(reply.body, "results"), answer.status == "DELAYED")

    def snapshot(self, ticker: str, call: Call) -> Quote | None:
        """The quote of the ticker's snapshot (family snapshot), or the close of its last minute where the plan has no
        quotes; None where it has neither.
        """
        path = f"/v2/snapshot/locale/us/markets/stocks/tickers/{ticker}"
        reply = self._get("snapshot", path, None, call, QUICK_S)
        answer = self._valid(wire.SnapshotAnswer, reply)
        found, delayed = answer.ticker, answer.status == "DELAYED"
        self._check_ticker(ticker, found.ticker)
        if found.lastQuote is not None:
            self._check_time(found.lastQuote.t // 1000, reply)
            return Quote("snapshot", wire.as_sent(reply.body, "ticker", "lastQuote"), delayed)
        if found.min is not None and found.min.t > 0 and found.min.c > 0:
            self._check_time(found.min.t * 1000, reply)
            return Quote("minute_bar", wire.as_sent(reply.body, "ticker", "min"), delayed)
        return None

    def newest_minute(self, ticker: str, call: Call) -> Quote | None:
        """The ticker's newest minute bar of the last days (family aggs)."""
        now_ms = self.now_us() // 1000
        path = f"/v2/aggs/ticker/{ticker}/range/1/minute/{now_ms - LOOK_BACK_DAYS * DAY_MS}/{now_ms}"
        found = self._one_bar("aggs", path, {"adjusted": "false", "sort": "desc", "limit": "1"}, ticker, call)
        return None if found is None else Quote("minute_bar", *found)

    def previous_close(self, ticker: str, call: Call) -> Quote | None:
        """The previous trading day's bar (family prev); None for a ticker that the upstream does not know."""
        found = self._one_bar("prev", f"/v2/aggs/ticker/{ticker}/prev", {"adjusted": "false"}, ticker, call)
        return None if found is None else Quote("previous_close", *found)

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
        """All bars whose window touches [first_ms, last_ms], oldest first, over as many pages as there are."""
        url = f"/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{first_ms}/{last_ms}"
        parameters: Mapping[str, str] | None = {
            "adjusted": str(adjusted).lower(),
            "sort": "asc",
            "limit": "50000",
        }
        bars: list[wire.Bar] = []
        delayed = False
        while url:
            reply = self._get("aggs", url, parameters, call, SLOW_S)
            answer = self._valid(wire.Aggregates, reply)
            page = answer.results or []
            self._check_ticker(ticker, answer.ticker or ticker)
            self._check_order(bars[-1:] + page, reply)
            bars += page
            delayed = delayed or answer.status == "DELAYED"
            url, parameters = answer.next_url or "", None
        return Bars(bars, delayed)

    def _one_bar(
        self, family: str, path: str, parameters: Mapping[str, str], ticker: str, call: Call
    ) -> tuple[dict[str, Any], bool] | None:
        reply = self._get(family, path, parameters, call, QUICK_S)
        answer = self._valid(wire.Aggregates, reply)
        self._check_ticker(ticker, answer.ticker or ticker)
        if not answer.results:
            return None
        self._check_order(answer.results, reply)
        return wire.as_sent(reply.body, "results")[0], answer.status == "DELAYED"  # type: ignore[index] # a list

    def _get(self, family: str, url: str, parameters: Mapping[str, str] | None, call: Call, most_s: float) -> Reply:
        def attempt() -> Reply:
            if call.deadline.left_s() < LEAST_USEFUL_S:
                raise DeadlineExceeded("There is not enough time left to ask the data provider.")
            call.spend(family)
            started = self.transport.monotonic()
            outcome = Outcome.OK
            try:
                return self.transport.get(url, parameters, call.deadline, most_s)
            except tuple(kind for kind, _ in _SEEN) as error:
                outcome = next(seen for kind, seen in _SEEN if isinstance(error, kind))
                raise
            finally:
                call.observe(family, outcome, self.transport.monotonic() - started)

        def wait(_: RetryCallState) -> float:
            return self.random() * MOST_JITTER_S

        def stop(state: RetryCallState) -> bool:
            return stop_after_attempt(2)(state) or call.deadline.left_s() < MOST_JITTER_S + 2 * LEAST_USEFUL_S

        retrying = Retrying(retry=retry_if_exception_type(Broken), wait=wait, stop=stop, sleep=self.sleep, reraise=True)
        return retrying(attempt)

    def _valid[M: BaseModel](self, model: type[M], reply: Reply) -> M:
        try:
            answer = model.model_validate(reply.body)
        except ValidationError:
            raise UpstreamInvalid("The data provider sent an answer of another shape.") from None
        if getattr(answer, "status", "OK") not in ("OK", "DELAYED", "success"):
            raise UpstreamInvalid("The data provider sent an error as an answer.")
        return answer

    def _check_ticker(self, asked: str, got: str) -> None:
        if got != asked:
            raise UpstreamInvalid("The data provider answered for another ticker.")

    def _check_time(self, us: int, reply: Reply) -> None:
        if us > max(self.now_us(), reply.date_us or 0) + FUTURE_US:
            raise UpstreamInvalid("The data provider sent data from the future.")

    def _check_order(self, bars: list[wire.Bar], reply: Reply) -> None:
        if any(later.t <= earlier.t for earlier, later in pairwise(bars)):
            raise UpstreamInvalid("The data provider sent bars out of order.")
        if bars:
            self._check_time(bars[-1].t * 1000, reply)
