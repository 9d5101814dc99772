"""Randomness without state: numbers that depend on nothing but what names them, the same in every process."""

from hashlib import blake2b
from struct import unpack
from typing import Final

_COUNT: Final = 12


def key(*parts: object) -> bytes:
    """Sixteen bytes that stand for the parts."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=16).digest()


def units(key: bytes, number: int = 0) -> list[float]:
    """Twelve numbers in [0, 1), the same ones for the same key and number."""
    digest = blake2b(key + number.to_bytes(8), digest_size=2 * _COUNT).digest()
    return [part / 65_536 for part in unpack("12H", digest)]
