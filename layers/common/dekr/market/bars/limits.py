"""How many upstream calls one request for bars may make, and the errors of requests that need more, or that end too early."""

from dataclasses import replace
from typing import Final

from dekr.errors import BudgetSpent, DeadlineExceeded, InvalidInput, Unavailable
from dekr.market.bars.segment_planner import bars_of_calls
from dekr.market.bars.segments import Series, Timespan

MAX_CALLS: Final = 20
"""Calls that one request for bars may make: at a second for each, its answer comes before the deadline. On a plan that has fewer in
a minute, a caller who tries again gets it in some minutes, because what was fetched is kept.
"""

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


def with_progress(error: BudgetSpent | DeadlineExceeded, made: int, calls: int) -> BudgetSpent | Unavailable:
    """The error of a read that ended before it was complete, after ``made`` of about so many ``calls``: it says how far it is."""
    text = f"About {calls} calls to the data provider are needed."
    if made:
        text = (
            f"About {calls} calls to the data provider were needed and {made} made. What they brought is kept: send the same "
            f"request again, and it goes on from there with about {max(1, calls - made)} more."
        )
    if isinstance(error, BudgetSpent):
        error.detail += f" {text}"
        return error
    return Unavailable(f"{error.detail} {text}", retry_after_s=1.0, code="fetch_unfinished", fault=error.fault)
