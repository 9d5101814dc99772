"""A missing quote's fetch, shared with other tickers: one call refreshes what is likely to be asked for next.

The whole market is one call, too: whoever needs it waits for the same one, and a ticker that it does not hold is fetched
alone afterwards. What comes along is written in steps, and only in the store: copies are for what this sandbox serves.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dekr import sessions
from dekr.cache.freshness import SECOND_US, real_time_age_s, settled_floor_us
from dekr.cache.tier_cache import Write
from dekr.deadline import Deadline
from dekr.errors import UpstreamNotEntitled
from dekr.market.demand import Outlook
from dekr.market.flow import Flow
from dekr.market.harvest import LADDERS, QUOTE, SNAPSHOT, UNIVERSAL, Harvest
from dekr.market.wants import Fetch, Want
from dekr.market.worth import Candidate, Choice, Scope, choose, relief
from dekr.polygon.failures import NotEntitled
from dekr.polygon.permit import Permit
from dekr.sessions import Session
from dekr.tiers import TierPolicy

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.snapshots import Snapshot

LEASE_MS: Final = 12_000
"""Longer than an attempt and the writing of what it brought: a holder that was killed is replaced after it."""

LEASE: Final = "market:quotes"
STEP: Final = 500
"""Tickers written in one round trip."""

OLDEST_S: Final = 3600.0
"""Older than this is too old for every tier."""

NO_FLOOR: Final = 1 << 62
"""No fetch started after it: the whole outlook is told."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Makes shared fetches. ``client`` is asked for on the first miss."""

    flow: Flow
    client: "Callable[[], PolygonClient]"

    def instead(
        self, datum: str, tickers: Mapping[str, str], lease: str
    ) -> Callable[[Sequence[Want], int, TierPolicy], Sequence[Fetch]]:
        """What takes the place of a fetch of these tickers' quotes or trades (by key), whose own lease is ``lease``.

        It holds another lease: where it fails, the word that it leaves must not stop the fetch that follows.
        """

        def better(missing: Sequence[Want], now_us: int, policy: TierPolicy) -> Sequence[Fetch]:
            floor_us = max(want.floor_us(now_us, policy) for want in missing)
            outlook = self.flow.demand.outlook(floor_us)
            if outlook.market_us > floor_us:
                # The whole market was fetched not too long ago for this reader: these tickers are not in it.
                return ()
            return self._fetches([tickers[want.key] for want in missing], datum, outlook, lease)

        return better

    def refresh(self, deadline: Deadline, outlook: Outlook | None = None) -> int:
        """One shared refresh for nobody in particular, outside the part of the budget that is reserved; returns how many calls it
        made. ``outlook``: what to expect, where that is not the present one. Raises what the gate and the fetch raise.
        """
        outlook = outlook or self.flow.demand.outlook(NO_FLOOR)
        for fetch in self._fetches([], QUOTE, outlook, LEASE):
            with suppress(UpstreamNotEntitled):
                return self.flow.fetch(fetch, deadline)
        return 0

    def relief(self) -> float:
        """What such a refresh would save now, less what it costs, in calls (see dekr.market.worth). Raises StoreDown."""
        outlook = self.flow.demand.outlook(NO_FLOOR)
        return relief(outlook.rate, *_market(outlook))

    def _fetches(self, tickers: Sequence[str], datum: str, outlook: Outlook, lease: str) -> Sequence[Fetch]:
        choice = weighed(tickers, outlook)

        def market(permit: Permit, *_: object) -> list[Write]:
            return _collector_waits(lambda: self._writes(tickers, datum, (), self.client().market(permit), permit))

        def many(permit: Permit, *_: object) -> list[Write]:
            names = [*tickers, *choice.tickers]
            return self._writes(tickers, datum, names, self._many(names, permit), permit)

        several = Fetch(f"many:{lease}", ("universal", "snapshot"), LEASE_MS, many)
        match choice.scope:
            case Scope.MARKET:
                return Fetch(LEASE, ("snapshot",), LEASE_MS, market), several
            case Scope.MANY:
                return (several,)
            case _:
                return ()

    def _many(self, names: Sequence[str], permit: Permit) -> "list[Snapshot]":
        client = self.client()
        if permit.family == "universal":
            try:
                return client.universal(names, permit)
            except NotEntitled:
                permit.step_down()
        return client.snapshots(names, permit)

    def _writes(
        self, tickers: Sequence[str], datum: str, names: Sequence[str], found: "Sequence[Snapshot]", permit: Permit
    ) -> list[Write]:
        """What the asked tickers have, to be written by the flow; all others are written here. ``names``: what was fetched, none
        for the whole market.
        """
        harvest = Harvest(self.flow.cache, permit.stamp_us, self.flow.stale_us)
        shape = UNIVERSAL if permit.family == "universal" else SNAPSHOT
        needed = datum if self._only_bars(found, datum, permit) else None
        asked = set(tickers)
        known = [snapshot for snapshot in found if snapshot.error is None]
        if self._keep(harvest, [snapshot for snapshot in known if snapshot.ticker not in asked], shape, needed):
            self.flow.tell(*self.flow.demand.refreshed(permit.stamp_us, names))
        # A ticker without a quote or trade of its own is left to its own fetch, which knows where else to look.
        mine = [harvest.snapshot(snapshot, shape, needed) for snapshot in known if snapshot.ticker in asked]
        return [write for writes in mine for write in writes]

    def _only_bars(self, found: "Sequence[Snapshot]", datum: str, permit: Permit) -> bool:
        """Whether the plan has no quotes (or trades), so that bars' closes are the best there is for everybody."""
        for snapshot in found:
            latest = snapshot.quote if datum == QUOTE else snapshot.trade
            if latest is not None and latest.source == "snapshot":
                return False
        return self.flow.gate.denied(LADDERS[datum][0], permit.stamp_us)

    def _keep(self, harvest: Harvest, found: "Sequence[Snapshot]", shape: str, needed: str | None) -> bool:
        """Write what came along; whether the store has all of it."""
        for start in range(0, len(found), STEP):
            writes: list[Write] = []
            for snapshot in found[start : start + STEP]:
                writes += harvest.snapshot(snapshot, shape, needed)
            if not self.flow.keep(writes, copy=False):
                return False
        return True


def weighed(tickers: Sequence[str], outlook: Outlook) -> Choice:
    """What to fetch for these tickers, as it looks now."""
    session = _session(outlook.now_us)
    age_s, patience = _market(outlook)
    candidates = [
        Candidate(each.ticker, each.rate, _age_s(outlook.now_us, max(each.stamp_us, outlook.market_us), session))
        for each in outlook.likely
    ]
    return choose(tickers, candidates, outlook.others_rate, age_s, patience, outlook.call_gap_s)


def _market(outlook: Outlook) -> tuple[float, dict[float, float]]:
    """The age of the market's last fetch, and the share of requests by the age that they take in the present session."""
    session = _session(outlook.now_us)
    patience: dict[float, float] = {}
    for allowance_s, share in outlook.patience.items():
        age_s = OLDEST_S if session is Session.CLOSED else real_time_age_s(allowance_s, session)
        patience[age_s] = patience.get(age_s, 0.0) + share
    return _age_s(outlook.now_us, outlook.market_us, session), patience


def _session(now_us: int) -> Session:
    """The session whose ages apply: while late prints still come, nothing has settled and the usual ones do."""
    moment = sessions.at(now_us)
    settling = moment.session is Session.CLOSED and now_us <= settled_floor_us(moment.since_us)
    return Session.REGULAR if settling else moment.session


def _age_s(now_us: int, stamp_us: int, session: Session) -> float:
    """How old an entry is; while the market is closed, either not at all or too old for everybody."""
    if session is Session.CLOSED:
        settled = stamp_us > settled_floor_us(sessions.at(now_us).since_us)
        return 0.0 if settled else OLDEST_S
    return min(OLDEST_S, (now_us - stamp_us) / SECOND_US)


def _collector_waits[T](work: Callable[[], T]) -> T:
    """A market makes a hundred thousand objects and no cycle among them: looking for some takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return work()
    finally:
        if enabled:
            gc.enable()
