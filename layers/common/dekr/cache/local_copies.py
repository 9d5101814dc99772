"""The copies that one sandbox keeps in its own memory.

A copy saves parsing again what was parsed before, and it is what is left when the store cannot be reached. It is never
trusted without the store while the store answers, so a dropped or newer entry is seen at once by everybody.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from dekr.cache.entry import Entry

PARSED_FACTOR = 8
"""A parsed payload takes several times the bytes of its text; the bound counts that."""


@dataclass(slots=True)
class LocalCopies:
    """The entries read or written last, bounded in number and in bytes; the least recently used one goes first."""

    max_entries: int = 2_000
    max_bytes: int = 64 * 1024 * 1024
    size: int = 0
    _entries: OrderedDict[str, Entry] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Entry | None:
        """The copy of this entry, whatever its age."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep this entry; an entry larger than a quarter of the bound is not kept."""
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
        """Forget this entry."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= _size(entry)

    def decode(self, key: str, raw: bytes | None) -> Entry | None:
        """The entry in the store's reply; the copy itself, with what was parsed of it, where the reply is the same."""
        if raw is None:
            self.drop(key)
            return None
        copy = self._entries.get(key)
        if copy is not None and raw.startswith(copy.head):
            self._entries.move_to_end(key)
            return copy
        entry = Entry.decode(raw)
        if entry is not None:
            self.put(key, entry)
        return entry


def _size(entry: Entry) -> int:
    return len(entry.payload) * PARSED_FACTOR + 200
