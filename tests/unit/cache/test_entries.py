"""Entries on the wire, and the copies that a sandbox keeps of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.cache.entry import Entry, Kind
from dekr.cache.local_copies import LocalCopies


@given(st.integers(0, 10**16 - 1), st.sampled_from(Kind), st.binary())
def test_an_entry_survives_the_store(stamp: int, kind: Kind, payload: bytes) -> None:
    entry = Entry(stamp, kind, payload)
    assert Entry.decode(entry.encode()) == entry


@pytest.mark.parametrize("raw", [b"", b"x", b"1795226963080924", b"179522696308092xv{}", b"1795226963080924q{}"])
def test_what_is_no_entry_counts_as_nothing(raw: bytes) -> None:
    assert Entry.decode(raw) is None


def test_the_copies_are_bounded_in_number_and_bytes() -> None:
    copies = LocalCopies(max_entries=10, max_bytes=100_000)
    for n in range(50):
        copies.put(f"k{n}", Entry(n, Kind.VALUE, b"x" * (n * 100)))
        assert len(copies) <= 10
        assert copies.size <= 100_000
    copies.put("huge", Entry(1, Kind.VALUE, b"x" * 100_000))
    assert copies.get("huge") is None


def test_the_copy_used_last_stays() -> None:
    copies = LocalCopies(max_entries=2)
    for name in ("a", "b"):
        copies.put(name, Entry(1, Kind.VALUE, b"1"))
    copies.get("a")
    copies.put("c", Entry(1, Kind.VALUE, b"1"))
    assert [copies.get(name) is not None for name in ("a", "b", "c")] == [True, False, True]


def test_two_services_that_read_one_entry_each_get_their_own_view_of_it() -> None:
    entry = Entry(5, Kind.VALUE, b'{"a":1}')
    assert (entry.view(dict), entry.view(list), entry.view(dict)) == ({"a": 1}, ["a"], {"a": 1})
    assert entry.view(list) is entry.view(list)


def test_a_copy_is_parsed_once_and_given_up_when_the_store_has_another() -> None:
    copies = LocalCopies()
    raw = Entry(5, Kind.VALUE, b'{"a":1}').encode()
    first = copies.decode_reply("k", raw)
    assert first is not None
    again = copies.decode_reply("k", raw)
    assert again is not None
    assert first.view(dict) is again.view(dict)
    other = copies.decode_reply("k", Entry(4, Kind.VALUE, b'{"a":2}').encode())
    assert other is not None
    assert other.view(dict) == {"a": 2}
    assert copies.decode_reply("k", None) is None
    assert copies.get("k") is None
