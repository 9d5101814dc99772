"""An entry of the cache: when the fetch of a datum started, the kind of answer that it brought, and the answer.

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
HEADER_BYTES: Final = STAMP_DIGITS + 1
"""The stamp and the letter of the kind."""

COMPRESSED_FROM: Final = 1024
"""The bytes of JSON from which compressing pays: pages of bars and lists shrink to a half or a quarter. Most quotes and snapshots
are smaller than this."""

COMPRESSION_LEVEL: Final = 1
"""A day of minute bars takes 0.5 ms to compress with it; level 6 makes it a quarter smaller in 2.7 ms."""

_COMPRESSED: Final = b"z"


class Kind(StrEnum):
    """The kind of an entry, and the letter that stands for it in the store.

    Change the letter when the shape of payloads changes: an entry with an unknown letter counts as nothing cached.
    """

    VALUE = "v"
    """A value as the upstream sent it."""
    NEGATIVE = "n"
    """The upstream answered that there is none; it is kept for a short time only."""
    STAND_IN = "s"
    """Takes the place of a value that a source of many tickers lacks, while a source that was not called may have it."""


_KINDS: Final = {kind.encode(): kind for kind in Kind}


@dataclass(slots=True)
class Entry:
    """An entry of the cache.

    ``stamp_us``: the moment at which its fetch started, on the store's clock. ``payload``: JSON, or what a service compressed
    itself. ``header``: the stamp and the kind as they stand before the payload in the store.
    """

    stamp_us: int
    kind: Kind
    payload: bytes
    header: bytes = field(init=False, repr=False, compare=False)
    _views: dict[Callable[..., Any], Any] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A payload that is no JSON object was compressed by its service.
        large = len(self.payload) >= COMPRESSED_FROM and self.kind is Kind.VALUE and self.payload[:1] == b"{"
        self.header = b"%0*d%s" % (STAMP_DIGITS, self.stamp_us, _COMPRESSED if large else self.kind.encode())

    def view[V](self, build: Callable[..., V], *more: str) -> V:
        """Return what ``build`` makes of the parsed payload and of ``more``. It is called once and its result kept.

        Each builder has a view of its own, because several services may read one entry. A builder must be a function of a module
        (one that is made anew would be called anew) and get the same ``more`` for the same entry each time.
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
        """Write the entry as the store keeps it."""
        compressed = self.header[-1:] == _COMPRESSED
        return self.header + (zlib.compress(self.payload, COMPRESSION_LEVEL) if compressed else self.payload)

    @classmethod
    def decode(cls, raw: bytes) -> "Entry | None":
        """Read an entry from the store's text. None for a text that is no entry: it counts as nothing cached."""
        stamp, kind = raw[:STAMP_DIGITS], raw[STAMP_DIGITS:HEADER_BYTES]
        if not stamp.isdigit() or len(stamp) != STAMP_DIGITS:
            return None
        if kind == _COMPRESSED:
            try:
                return cls(int(stamp), Kind.VALUE, zlib.decompress(raw[HEADER_BYTES:]))
            except zlib.error:
                return None
        known = _KINDS.get(kind)
        return None if known is None else cls(int(stamp), known, raw[HEADER_BYTES:])


def _as_parsed(payload: Any) -> Any:  # noqa: ANN401 - parsed JSON
    return payload
