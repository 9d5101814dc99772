"""Requests to the gate, which decides whether a fetch may be made now."""

from dataclasses import dataclass

from dekr.deadline import Deadline
from dekr.gate.call import Family


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A fetch that a sandbox would make, and its bounds.

    ``lease``: the name of the lease that lets one sandbox at a time make this fetch; ``lease_ms``: how long it may hold it.
    ``families``: endpoint families to call, best first; one that the plan is known to lack is passed over. ``reserved``:
    whether the part of the budget that is kept for the upper tiers may be used. ``floor_us``: data whose fetch started after
    this moment (store's clock) are new enough. ``covered_by``: another lease whose fetch may bring this datum, too: while
    somebody holds it, the gate says wait. ``waited``: such a fetch was waited for in vain. ``user``: the user whose request needs
    the fetch, and whose share of the budget it takes; empty where no user's does. ``calls``: how many calls the fetch will take,
    as far as is known: a refusal says when so many are possible.
    """

    lease: str
    families: tuple[Family, ...]
    lease_ms: int
    deadline: Deadline
    reserved: bool = False
    floor_us: int = 0
    covered_by: str | None = None
    waited: bool = False
    user: str = ""
    calls: int = 1
