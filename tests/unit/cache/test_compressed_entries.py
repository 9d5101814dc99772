"""Large values take less room in the store, and nobody sees it."""

import gzip
import json

import pytest

from dekr.cache.entry import COMPRESSED_FROM, Entry, Kind
from dekr.cache.local_copies import LocalCopies

BARS = {
    "delayed": False,
    "bars": [[1_795_000_000_000 + 60_000 * n, 1.5, 2, 1, 1.75, 100 + n, None, 3] for n in range(400)],
}
LARGE = json.dumps(BARS).encode()


def test_a_large_value_is_kept_in_less_room_and_read_as_it_was() -> None:
    entry = Entry(1_795_000_000_000_000, Kind.VALUE, LARGE)
    raw = entry.encode()
    assert len(raw) < len(LARGE) / 3
    found = Entry.decode(raw)
    assert found == entry
    assert found is not None
    assert found.payload == LARGE
    assert found.view(dict) == BARS


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.VALUE, b'{"p":1.5}'),
        (Kind.NEGATIVE, LARGE),
        (Kind.VALUE, b"r" + gzip.compress(bytes(range(256)) * 50)),
        (Kind.VALUE, b'{"a":"%s"}' % (b"x" * (COMPRESSED_FROM - 9))),
    ],
    ids=["small", "negative", "compressed before", "nearly large"],
)
def test_anything_else_is_kept_as_it_is(kind: Kind, payload: bytes) -> None:
    raw = Entry(5, kind, payload).encode()
    assert raw.endswith(payload)
    assert Entry.decode(raw) == Entry(5, kind, payload)


def test_a_value_that_is_cut_counts_as_nothing_cached() -> None:
    assert Entry.decode(Entry(5, Kind.VALUE, LARGE).encode()[:60]) is None


def test_a_copy_is_recognised_and_counts_as_what_it_takes_in_memory() -> None:
    copies = LocalCopies()
    raw = Entry(5, Kind.VALUE, LARGE).encode()
    first = copies.decode_reply("key", raw)
    assert first is not None
    assert copies.decode_reply("key", raw) is first
    assert copies.size > len(LARGE)
    copies.put("other", Entry(5, Kind.VALUE, LARGE))
    assert copies.decode_reply("other", raw) is copies.get("other")
