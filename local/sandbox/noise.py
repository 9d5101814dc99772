"""Randomness without state: numbers that are a pure function of their key, equal in every process."""

from hashlib import blake2b
from struct import Struct
from typing import Final

INTEGER_LIMIT: Final = 65_536
"""The exclusive upper bound of ``integers``."""

_TWELVE: Final = Struct("12H")


def key(*parts: object) -> bytes:
    """Hash the parts to a key of sixteen bytes."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=16).digest()


def fractions(key: bytes, number: int = 0) -> list[float]:
    """Return twelve pseudo-random numbers in [0, 1), a pure function of the key and the number."""
    return [integer / INTEGER_LIMIT for integer in integers(key, number)]


def integers(key: bytes, number: int) -> tuple[int, ...]:
    """Return twelve pseudo-random integers in [0, ``INTEGER_LIMIT``), a pure function of the key and the number."""
    return _TWELVE.unpack(blake2b(key + number.to_bytes(8), digest_size=_TWELVE.size).digest())
