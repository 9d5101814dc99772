"""Randomness without state: numbers that depend on nothing but what names them, the same in every process."""

from hashlib import blake2b
from struct import Struct
from typing import Final

ONE: Final = 65_536
_TWELVE: Final = Struct("12H")


def key(*parts: object) -> bytes:
    """Sixteen bytes that stand for the parts."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=16).digest()


def units(key: bytes, number: int = 0) -> list[float]:
    """Twelve numbers in [0, 1), the same ones for the same key and number."""
    return [grain / ONE for grain in grains(key, number)]


def grains(key: bytes, number: int) -> tuple[int, ...]:
    """The same in whole numbers below ``ONE``."""
    return _TWELVE.unpack(blake2b(key + number.to_bytes(8), digest_size=_TWELVE.size).digest())
