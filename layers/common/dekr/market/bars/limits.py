"""How many upstream calls one request for bars may make, and what is said of requests that need more, or that end too early."""

from dataclasses import replace
from typing import Final

from dekr.errors import InvalidInput
from dekr.market.bars.segment_planner import bars_of_calls
from dekr.market.bars.segments import Series, Timespan

MAX_CALLS: Final = 20
"""Calls that one request for bars may make: at a second for each, its answer comes before the deadline. On a plan that has fewer in
a minute, a caller who tries again gets it in some minutes, because what was fetched is kept.
"""

MAX_CALLS_MADE: Final = 40
"""A request that has made so many calls, because more was needed than was estimated, leaves the rest to the next one."""

PAGE_CALLS: Final = 15
"""A page of a whole range holds no more bars than about so many calls bring."""

MINUTE_S: Final = 60


class TooManyCalls(InvalidInput):
    """The error of a request for a series that needs about so many ``calls``, more than MAX_CALLS."""

    def __init__(self, series: Series, calls: int) -> None:
        rule = (
            f"needs about {calls} calls to the data provider, more than the {MAX_CALLS} that one request may make; ask for at "
            f"most {bars_of_calls(series, PAGE_CALLS)} bars at a time, each part with its own from and to"
        )
        minutes, rest = divmod(series.multiplier, MINUTE_S)
        if series.timespan is Timespan.SECOND and not rest:
            same = replace(series, timespan=Timespan.MINUTE, multiplier=minutes)
            rule += (
                f", or for at most {bars_of_calls(same, PAGE_CALLS)} with timespan=minute and multiplier={minutes}: their windows "
                "are the same, and they take fewer calls"
            )
        super().__init__("limit", rule, code="too_many_calls")


def progress(made: int, calls: int) -> str:
    """The sentences that say how far a read is that ended after ``made`` of about so many ``calls``."""
    if not made:
        return f"About {calls} calls to the data provider are needed."
    return (
        f"About {calls} calls to the data provider were needed and {made} made. What they brought is kept: send the same request "
        f"again, and it goes on from there with about {max(1, calls - made)} more."
    )
