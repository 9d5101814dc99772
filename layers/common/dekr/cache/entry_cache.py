"""Reads and writes the entries in the store, along with their copies in this sandbox."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import batched
from typing import Final

from dekr.cache import keys
from dekr.cache.entry import STAMP_DIGITS, Entry, Kind
from dekr.cache.freshness import CLOCK_TOLERANCE_US, NEGATIVE_AGE_US
from dekr.cache.local_copies import LocalCopies
from dekr.store import Command, Store, call, load_script, plain

PUT_AT_ONCE: Final = 1_000
"""Entries in one command: a cache may refuse one with more than some thousand arguments."""

_PUT: Final = load_script(__package__, "put", STAMP_DIGITS=STAMP_DIGITS, CLOCK_TOLERANCE_US=CLOCK_TOLERANCE_US)

CHUNK: Final = 500
"""Where entries of many tickers are written, so many tickers go in one round trip."""


@dataclass(frozen=True, slots=True)
class Write:
    """An entry to write under a key, which the store keeps for ``keep_us`` microseconds."""

    key: str
    entry: Entry
    keep_us: int

    @classmethod
    def negative(cls, key: str, stamp_us: int, payload: bytes = b"null") -> "Write":
        """Make the write that remembers for NEGATIVE_AGE_US that the upstream has nothing; ``payload`` may say why (JSON)."""
        return cls(key, Entry(stamp_us, Kind.NEGATIVE, payload), NEGATIVE_AGE_US)


@dataclass(frozen=True, slots=True, eq=False)
class EntryCache:
    """Makes the commands that read and write entries. The caller sends them, so that they share its round trip."""

    store: Store
    local_copies: LocalCopies = field(default_factory=LocalCopies)

    def key(self, ticker: str, datum: str) -> str:
        """The key of the entry of a datum: ``ticker`` may be MARKET, ``datum`` is a Datum or a longer name."""
        return keys.entry(self.store.prefix, ticker, datum)

    def get(self, key: str) -> Command:
        """Make the command that reads an entry."""
        return _get(key)

    def entry(self, key: str, reply: bytes | None) -> Entry | None:
        """Read the entry in the reply to ``get``; None where nothing is cached."""
        return self.local_copies.decode_reply(key, reply)

    def read(self, key: str) -> Entry | None:
        """Read an entry in a round trip of its own; None where nothing is cached. Raises StoreDown."""
        (reply,) = self.store.run(self.get(key))
        return self.entry(key, reply)

    def read_uncopied(self, keys: Sequence[str]) -> list[Entry | None]:
        """Read entries in one round trip, in the order of their keys, without keeping copies in this sandbox.

        For passes over the entries of many tickers, which would push what readers use out of the copies. Raises StoreDown.
        """
        replies = self.store.run(*(plain("GET", key) for key in keys))
        return [None if reply is None else Entry.decode(reply) for reply in replies]

    def put(self, writes: Sequence[Write], *, copy: bool = True) -> tuple[Command, ...]:
        """Make the commands, one for up to PUT_AT_ONCE entries of a ticker, that write entries where they are newer than those in
        the store.

        The local copies are written at once, so that this sandbox has what it fetched even if the store is lost meanwhile.
        ``copy=False`` writes none: entries that were fetched along for other readers would only displace others.
        """
        slots: dict[str, list[Write]] = {}
        for write in writes:
            if copy:
                kept = self.local_copies.get(write.key)
                if kept is None or kept.stamp_us < write.entry.stamp_us:
                    self.local_copies.put(write.key, write.entry)
            slots.setdefault(write.key[: write.key.index("}")], []).append(write)
        return tuple(_put(piece) for group in slots.values() for piece in batched(group, PUT_AT_ONCE, strict=False))


@lru_cache(maxsize=16_384)
def _get(key: str) -> Command:
    return plain("GET", key)


def _put(writes: Sequence[Write]) -> Command:
    args: list[bytes | int] = []
    for write in writes:
        args += [write.entry.encode(), max(1, write.keep_us // 1000)]
    return call(_PUT, [write.key for write in writes], *args)
