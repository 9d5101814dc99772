"""A loss of the store's data costs at most one more fetch of a datum: without one, nothing is fetched again that is still
fresh for the strictest reader.

Only what one lease always fetches whole is looked at: a listed ticker's quote or trade, and the market's. A fetch counts where
its holder got a good answer, was not stopped, and could reach the store to the end and for a while after it.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from chaos.history import Call, History, Violation

STRICTEST_US: Final = 30_000_000
LONGEST_DELAY_US: Final = 20_000_000
WRITING_US: Final = 1_500_000
"""So long after its last call, a fetch has been written."""


def needless(history: History) -> Iterator[Violation]:
    """Fetches of what was there."""
    good = {fetched.token: fetched.end_us for fetched in history.fetched if fetched.good}
    of_datum: dict[str, dict[str, list[Call]]] = defaultdict(lambda: defaultdict(list))
    for call in history.calls:
        if not call.alone and call.datum.startswith(("quote:", "trade:", "market:quotes")):
            of_datum[call.datum][call.token].append(call)
    for datum, tokens in of_datum.items():
        for one, other in pairwise(sorted(tokens.values(), key=lambda calls: calls[0].arrived_us)):
            first, again = one[0], other[0]
            if first.token not in good or again.granted_us - first.granted_us >= STRICTEST_US:
                continue
            ended_us = good[first.token] + WRITING_US
            granted_us = history.timeline.machine(
                first.granted_us, first.arrived_us - LONGEST_DELAY_US, first.arrived_us
            )[0]
            until_us = max(ended_us, again.arrived_us)
            if (
                again.arrived_us > good[first.token]
                and not history.losses(granted_us, until_us)
                and not history.timeline.stepped_back(granted_us, until_us)
                and not _disturbed(history, first, granted_us, ended_us)
            ):
                yield Violation("nothing fresh is fetched again", f"{datum}: {one} and {other}")


def _disturbed(history: History, call: Call, granted_us: int, until_us: int) -> bool:
    """Whether something kept the holder from writing what it fetched."""
    if history.stopped(call.worker, granted_us, until_us):
        return True
    met = (t for t in history.troubles if t.lane == "store" and t.worker in ("", call.worker))
    return any(t.until_us >= granted_us and t.from_us <= until_us for t in met)
