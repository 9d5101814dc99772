"""Copies of entries in the memory of one sandbox.

A copy saves parsing the same entry again, and is served when the store cannot be reached. While the store answers, a copy is used
only where the store has the same entry, so every sandbox sees at once that an entry was dropped or replaced.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from dekr.cache.entry import Entry

PARSED_FACTOR: Final = 8
"""A parsed payload takes about so many times the bytes of its text."""


@dataclass(slots=True, eq=False)
class LocalCopies:
    """The entries that this sandbox used last, bounded in number and in bytes (``size``); the least recently used goes first."""

    max_entries: int = 2_000
    max_bytes: int = 64 * 1024 * 1024
    size: int = 0
    _entries: OrderedDict[str, Entry] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Entry | None:
        """Return the copy under this key, whatever its age; None where there is none."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep a copy of this entry, unless it is larger than a quarter of the bound."""
        self.drop(key)
        taken = _size(entry)
        if taken > self.max_bytes // 4:
            return
        self._entries[key] = entry
        self.size += taken
        while len(self._entries) > self.max_entries or self.size > self.max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.size -= _size(oldest)

    def drop(self, key: str) -> None:
        """Forget the copy under this key."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= _size(entry)

    def decode_reply(self, key: str, raw: bytes | None) -> Entry | None:
        """Read the entry in the store's reply to a GET, and keep a copy; None where the store has no entry.

        Where the copy at hand is of the same entry, it is returned itself, with all that was parsed of it.
        """
        if raw is None:
            self.drop(key)
            return None
        copy = self._entries.get(key)
        if copy is not None and raw.startswith(copy.header):
            self._entries.move_to_end(key)
            return copy
        entry = Entry.decode(raw)
        if entry is not None:
            self.put(key, entry)
        return entry


def _size(entry: Entry) -> int:
    return len(entry.payload) * PARSED_FACTOR + 200
