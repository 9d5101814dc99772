"""The names of what is kept: every kind of data that has entries of its own."""

from enum import StrEnum


class Datum(StrEnum):
    """A kind of data in the cache: what stands behind the ticker in an entry's key."""

    QUOTE = "quote"
    TRADE = "trade"
    SNAPSHOT = "snapshot"
    """A v2 snapshot, as the upstream sent it."""
    UNIVERSAL = "universal"
    """A v3 snapshot, as the upstream sent it."""
