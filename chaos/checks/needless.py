"""Nothing is fetched again while it is still fresh for the strictest reader, unless the store's data was lost.

Only data that one lease always fetches as a whole is checked: a listed ticker's quote or trade, and the market's
quotes. A fetch counts if its holder got a good answer, was not suspended, and could reach the store until after the
end.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from chaos.history import Call, History, Violation

STRICTEST_US: Final = 30_000_000
"""The smallest age that any tier allows, in microseconds."""

MAX_DELAY_US: Final = 20_000_000
"""The longest time from permission to fetch until the call arrives, suspension of the holder included."""

MAX_WRITE_US: Final = 1_500_000
"""The time after a fetch ends within which its result is written to the store."""


def needless(history: History) -> Iterator[Violation]:
    """Yield the fetches of data that was still fresh."""
    good = {fetched.token: fetched.end_us for fetched in history.fetched if fetched.good}
    calls_by_datum: dict[str, dict[str, list[Call]]] = defaultdict(lambda: defaultdict(list))
    for call in history.calls:
        if not call.without_store and call.datum.startswith(("quote:", "trade:", "market:quotes")):
            calls_by_datum[call.datum][call.token].append(call)
    for datum, tokens in calls_by_datum.items():
        for earlier_calls, later_calls in pairwise(sorted(tokens.values(), key=lambda calls: calls[0].arrived_us)):
            earlier, later = earlier_calls[0], later_calls[0]
            if earlier.token not in good or later.granted_us - earlier.granted_us >= STRICTEST_US:
                continue
            ended_us = good[earlier.token] + MAX_WRITE_US
            granted_us = history.timeline.machine_time(
                earlier.granted_us, earlier.arrived_us - MAX_DELAY_US, earlier.arrived_us
            )[0]
            until_us = max(ended_us, later.arrived_us)
            if (
                later.arrived_us > good[earlier.token]
                and not history.losses(granted_us, until_us)
                and not history.timeline.stepped_back(granted_us, until_us)
                and not _disturbed(history, earlier, granted_us, ended_us)
            ):
                yield Violation("nothing fresh is fetched again", f"{datum}: {earlier_calls} and {later_calls}")


def _disturbed(history: History, call: Call, granted_us: int, until_us: int) -> bool:
    """Return whether something kept the holder from storing what it fetched."""
    if history.stopped(call.worker, granted_us, until_us):
        return True
    intervals = (t for t in history.fault_intervals if t.lane == "store" and t.worker in ("", call.worker))
    return any(t.until_us >= granted_us and t.from_us <= until_us for t in intervals)
