"""Quotes of many tickers at once: one round trip where all are cached, one upstream call for all that are not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.tier_cache import Write
from dekr.errors import DekrError
from dekr.market.answers import LEASE_MS
from dekr.market.ask import Ask
from dekr.market.closes import previous_day
from dekr.market.flow import Flow
from dekr.market.harvest import QUOTE, UNIVERSAL, Harvest, refusal
from dekr.market.prices import answer_of
from dekr.market.shared import Shared
from dekr.market.snapshots import lease_of
from dekr.market.wants import Fetch, real_time
from dekr.polygon.failures import NotEntitled
from dekr.polygon.permit import Permit

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

MIXED: Final = "mixed"
"""The source of an answer whose parts have several."""

LADDER: Final = ("universal", "grouped")
"""Universal snapshots; where the plan lacks them, the bars of the whole market's previous day."""


@dataclass(frozen=True, slots=True)
class Batches:
    """The batch service. ``client`` is asked for on the first miss."""

    flow: Flow
    client: "Callable[[], PolygonClient]"
    shared: Shared

    def get(self, ask: Ask, tickers: Sequence[str]) -> dict[str, str | DekrError]:
        """The JSON of each ticker's quote, or the error that stands in its place; in the order asked. Without any ticker the
        request is paid all the same.

        Raises what the fetch raises where no ticker at all can be served.
        """
        keys = {self.flow.cache.key(ticker, QUOTE): ticker for ticker in tickers}
        wants = [real_time(key) for key in keys]
        lease = lease_of("batch", tickers)
        fetch = Fetch(
            lease,
            LADDER,
            LEASE_MS,
            lambda permit, missing, _: self._fetch([keys[want.key] for want in missing], permit),
            partial=True,
            instead=self.shared.instead(QUOTE, keys, lease),
        )
        entries = self.flow.read(ask, wants, fetch)
        return {ticker: self._quote(ask, ticker, entries.get(key)) for key, ticker in keys.items()}

    def _quote(self, ask: Ask, ticker: str, entry: Entry | None) -> str | DekrError:
        if entry is None:
            assert ask.failure is not None, "a partial read says why it left something out"
            return ask.failure
        if entry.kind is Kind.NEGATIVE:
            return refusal(entry, ticker)
        self.flow.demand.note(ticker, entry.stamp_us, ask.policy.real_time_s)
        answer = answer_of(entry, ticker, QUOTE)
        ask.delayed = ask.delayed or answer.delayed
        ask.source = answer.source if ask.source in (None, answer.source) else MIXED
        return answer.text

    def _fetch(self, tickers: Sequence[str], permit: Permit) -> list[Write]:
        harvest = Harvest(self.flow.cache, permit.stamp_us, self.flow.stale_us)
        if permit.family == "universal":
            try:
                found = self.client().universal(tickers, permit)
                return harvest.asked(tickers, {snapshot.ticker: snapshot for snapshot in found}, UNIVERSAL, QUOTE)
            except NotEntitled:
                permit.step_down()
        return self._closes(tickers, permit, harvest)

    def _closes(self, tickers: Sequence[str], permit: Permit, harvest: Harvest) -> list[Write]:
        """The previous day's closes."""
        found = self.client().grouped(previous_day(permit.stamp_us).isoformat(), permit)
        return [
            harvest.latest(ticker, QUOTE, found[ticker]) if ticker in found else harvest.nothing(ticker, QUOTE)
            for ticker in tickers
        ]
