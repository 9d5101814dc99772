"""Quotes of many tickers at once: one round trip where all are cached, one upstream call for all that are not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from dekr import sessions
from dekr.cache.entry import Entry, Kind
from dekr.cache.tier_cache import Write
from dekr.errors import DekrError
from dekr.market.answers import LEASE_MS
from dekr.market.ask import Ask
from dekr.market.flow import Flow
from dekr.market.harvest import QUOTE, UNIVERSAL, Harvest, refusal
from dekr.market.prices import answer_of
from dekr.market.snapshots import harvested, lease_of
from dekr.market.wants import Fetch, real_time
from dekr.polygon.failures import NotEntitled
from dekr.polygon.permit import Permit
from dekr.polygon.snapshots import Latest

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.snapshots import Snapshot

MIXED: Final = "mixed"
"""The source of an answer whose parts have several."""

LADDER: Final = ("universal", "grouped")
"""Universal snapshots; where the plan lacks them, the bars of the whole market's previous day."""


@dataclass(frozen=True, slots=True)
class Batches:
    """The batch service. ``client`` is asked for on the first miss."""

    flow: Flow
    client: "Callable[[], PolygonClient]"

    def get(self, ask: Ask, tickers: Sequence[str]) -> dict[str, str | DekrError]:
        """The JSON of each ticker's quote, or the error that stands in its place; in the order asked. Without any ticker the
        request is paid all the same.

        Raises what the fetch raises where no ticker at all can be served.
        """
        keys = {self.flow.cache.key(ticker, QUOTE): ticker for ticker in tickers}
        wants = [real_time(key) for key in keys]
        fetch = Fetch(
            lease_of("batch", tickers),
            LADDER,
            LEASE_MS,
            lambda permit, missing, _: self._fetch([keys[want.key] for want in missing], permit),
            partial=True,
        )
        entries = self.flow.read(ask, wants, fetch)
        return {ticker: self._quote(ask, ticker, entries.get(key)) for key, ticker in keys.items()}

    def _quote(self, ask: Ask, ticker: str, entry: Entry | None) -> str | DekrError:
        if entry is None:
            assert ask.failure is not None, "a partial read says why it left something out"
            return ask.failure
        if entry.kind is Kind.NEGATIVE:
            return refusal(entry, ticker)
        answer = answer_of(entry, ticker, QUOTE)
        ask.delayed = ask.delayed or answer.delayed
        ask.source = answer.source if ask.source in (None, answer.source) else MIXED
        return answer.text

    def _fetch(self, tickers: Sequence[str], permit: Permit) -> list[Write]:
        harvest = Harvest(self.flow.cache, permit.stamp_us, self.flow.stale_us)
        if permit.family == "universal":
            try:
                return self._snapshots(tickers, permit, harvest)
            except NotEntitled:
                permit.step_down()
        return self._closes(tickers, permit, harvest)

    def _snapshots(self, tickers: Sequence[str], permit: Permit, harvest: Harvest) -> list[Write]:
        found = {snapshot.ticker: snapshot for snapshot in self.client().universal(tickers, permit)}
        writes = harvested(harvest, tickers, list(found.values()), UNIVERSAL, QUOTE)
        for ticker in tickers:
            snapshot = found.get(ticker)
            if snapshot is None:
                writes.append(harvest.nothing(ticker, QUOTE))
            elif snapshot.error is not None:
                writes.append(harvest.nothing(ticker, QUOTE, snapshot.error))
            elif snapshot.quote is None:
                writes.append(self._close(ticker, snapshot, harvest))
        return writes

    def _close(self, ticker: str, snapshot: "Snapshot", harvest: Harvest) -> Write:
        """The previous day's close of a ticker that has neither a quote nor a minute bar today."""
        close = (snapshot.fields.get("session") or {}).get("previous_close")
        try:
            day = sessions.trading_day(_previous_day(harvest.stamp_us))
        except sessions.CalendarUnknown:
            day = None
        if not close or day is None:
            return harvest.nothing(ticker, QUOTE)
        closed_ms = day.close_us // 1000
        return harvest.latest(ticker, QUOTE, Latest("previous_close", {"c": close, "t": closed_ms}, snapshot.delayed))

    def _closes(self, tickers: Sequence[str], permit: Permit, harvest: Harvest) -> list[Write]:
        """The previous day's closes."""
        found = self.client().grouped(_previous_day(permit.stamp_us).isoformat(), permit)
        return [
            harvest.latest(ticker, QUOTE, found[ticker]) if ticker in found else harvest.nothing(ticker, QUOTE)
            for ticker in tickers
        ]


def _previous_day(now_us: int) -> date:
    """The last trading day before the present day in New York; the last weekday where the calendar does not know."""
    day = sessions.eastern_date(now_us) - timedelta(days=1)
    while not _is_trading_day(day):
        day -= timedelta(days=1)
    return day


def _is_trading_day(day: date) -> bool:
    try:
        return sessions.trading_day(day) is not None
    except sessions.CalendarUnknown:
        return day.weekday() < 5  # noqa: PLR2004 - Saturday is 5
