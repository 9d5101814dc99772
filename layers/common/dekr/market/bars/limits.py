"""The limits on how many upstream calls one request for bars may make, and what is said to who reaches them."""

from typing import Final

from dekr.errors import BudgetSpent, DeadlineExceeded, InvalidInput, Unavailable
from dekr.market.bars.segment_planner import bars_of_calls
from dekr.market.bars.segments import Series, Timespan

MAX_CALLS: Final = 20
"""Calls that one request for bars may need: at a second for each, its answer comes before the deadline."""

MAX_MINUTES: Final = 10
"""It may need no more calls than the plan allows in so many minutes either: what was fetched is kept, and a caller who tries again
goes on from there.
"""

PAGE_CALLS: Final = 15
"""A page of a whole range holds no more bars than about so many calls bring."""

MINUTE_S: Final = 60


class TooManyCalls(InvalidInput):
    """The error of a request for a series that needs about so many ``calls``, where it may make ``most``."""

    def __init__(self, series: Series, calls: int, most: int) -> None:
        rule = (
            f"this request takes about {calls} calls of the data provider, and may make {most}; "
            f"ask for at most {bars_of_calls(series, max(1, most))} bars at a time, from page to page with from and to"
        )
        minutes, rest = divmod(series.multiplier, MINUTE_S)
        if series.timespan is Timespan.SECOND and not rest:
            rule += (
                f", or for timespan=minute and multiplier={minutes}, whose bars are of the same windows and cost less"
            )
        super().__init__("limit", rule, code="too_many_calls")


def max_calls(per_minute: int) -> int:
    """The calls that one request for bars may make where its tier may make ``per_minute`` calls."""
    return min(MAX_CALLS, MAX_MINUTES * per_minute)


def unfinished(error: BudgetSpent | DeadlineExceeded, made: int, calls: int) -> BudgetSpent | Unavailable:
    """The error of a read that ended before it was complete, after ``made`` of about so many ``calls``: it says how far it is."""
    text = (
        f"About {calls} calls of the data provider were needed, {made} were made. What they brought is kept: the same request "
        f"goes on from there and needs about {max(1, calls - made)} more."
    )
    if isinstance(error, BudgetSpent):
        error.detail += f" {text}"
        return error
    return Unavailable(f"{error.detail} {text}", retry_after_s=1.0, code="fetch_unfinished", fault=error.fault)
