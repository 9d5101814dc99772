"""The flaws of an answer that is served all the same: items that the upstream sent broken, and prices that can hardly be true."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

BROKEN: Final = "BROKEN"
"""The error code, beside the upstream's own, that stands for an item that it sent and that cannot be used."""


def is_crossed(bid: float | None, ask: float | None) -> bool:
    """Whether the bid is above the ask; a side that nobody quotes is 0 or None."""
    return bool(bid and ask and bid > ask)


class Flaws(NamedTuple):
    """The number of items of an answer that are not as they should be.

    ``dropped``: left out, because what the upstream sent is structurally broken. ``suspect``: served as the upstream sent them,
    although a price is zero, or a low above its high, or a bid above its ask.
    """

    dropped: int = 0
    suspect: int = 0

    def and_(self, other: "Flaws") -> "Flaws":
        """The flaws of an answer that is made of two."""
        return Flaws(self.dropped + other.dropped, self.suspect + other.suspect)

    def kept(self) -> dict[str, Any]:
        """The part of a cache entry's payload that keeps the flaws, so that a cached answer still says so: nothing where there
        are none.
        """
        return {"flaws": list(self)} if any(self) else {}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Flaws":
        """The flaws in a cache entry's payload."""
        return cls(*kept.get("flaws", ()))


NO_FLAWS: Final = Flaws()
ONE_SUSPECT: Final = Flaws(suspect=1)
ONE_DROPPED: Final = Flaws(dropped=1)
