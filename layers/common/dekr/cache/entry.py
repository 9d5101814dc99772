"""What the cache keeps of a datum: when its fetch started, what kind of answer it was, and the answer.

In the store an entry is one string: 16 digits of the stamp (microseconds since the epoch), one letter of the kind, then
the payload (JSON). The fixed width lets a script compare stamps without parsing. The payload of a large value is compressed,
and its letter says so.
"""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

STAMP_DIGITS: Final = 16
HEADER: Final = STAMP_DIGITS + 1

COMPRESSED_FROM: Final = 1024
"""Bytes of JSON from which on compressing pays: pages of bars and lists become a half to a quarter, most quotes and snapshots are
smaller than this."""

LEVEL: Final = 1
"""A day of minute bars takes 0.5 ms to compress with it; level 6 makes it a quarter smaller in 2.7 ms."""

_COMPRESSED: Final = b"z"


class Kind(StrEnum):
    """What an answer was: a value; the upstream's word that there is none (kept for a short time only); or what stands for a value
    that a source of many tickers does not have, while there may be one at a source that was not asked.

    Change the letter when the shape of payloads changes: entries of another letter count as nothing cached.
    """

    VALUE = "v"
    NEGATIVE = "n"
    STAND_IN = "s"


_KINDS: Final = {kind.encode(): kind for kind in Kind}


@dataclass(slots=True)
class Entry:
    """One datum of the cache. ``stamp_us`` is the moment its fetch started, on the store's clock; ``head`` is the part of
    the text that comes before the payload.
    """

    stamp_us: int
    kind: Kind
    payload: bytes
    head: bytes = field(init=False, repr=False, compare=False)
    _views: dict[Callable[..., Any], Any] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # What is no JSON object was compressed by its service.
        large = len(self.payload) >= COMPRESSED_FROM and self.kind is Kind.VALUE and self.payload[:1] == b"{"
        self.head = b"%0*d%s" % (STAMP_DIGITS, self.stamp_us, _COMPRESSED if large else self.kind.encode())

    def view[V](self, build: Callable[..., V], *more: str) -> V:
        """The view that ``build`` makes of the parsed payload (and of ``more``), made once for as long as this object is kept.

        Each builder has a view of its own, because several services may read one entry. It must be a function that lives as
        long as its module, and must get the same ``more`` for the same entry.
        """
        views = self._views
        if views is None:
            views = self._views = {}
        if build not in views:
            views[build] = build(json.loads(self.payload), *more)
        built: V = views[build]
        return built

    @property
    def parsed(self) -> Any:  # noqa: ANN401 - parsed JSON
        """The parsed payload itself. It must not be changed."""
        return self.view(_as_parsed)

    def encode(self) -> bytes:
        """The entry as the store keeps it."""
        compressed = self.head[-1:] == _COMPRESSED
        return self.head + (zlib.compress(self.payload, LEVEL) if compressed else self.payload)

    @classmethod
    def decode(cls, raw: bytes) -> "Entry | None":
        """The entry in ``raw``; None where it is not one (somebody else's data counts as nothing cached)."""
        stamp, kind = raw[:STAMP_DIGITS], raw[STAMP_DIGITS:HEADER]
        if not stamp.isdigit() or len(stamp) != STAMP_DIGITS:
            return None
        if kind == _COMPRESSED:
            try:
                return cls(int(stamp), Kind.VALUE, zlib.decompress(raw[HEADER:]))
            except zlib.error:
                return None
        known = _KINDS.get(kind)
        return None if known is None else cls(int(stamp), known, raw[HEADER:])


def _as_parsed(payload: Any) -> Any:  # noqa: ANN401 - parsed JSON
    return payload
