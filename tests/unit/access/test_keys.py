"""API keys: what is made can be read, and what was not made is refused without a look-up."""

import hashlib
import string
import zlib
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.access.keys import NewKey, new_key, parse_key
from dekr.errors import Unauthenticated

KEY_CHARACTERS = string.ascii_letters + string.digits + "_"


@st.composite
def keys(draw: st.DrawFn) -> NewKey:
    env = draw(st.text(string.ascii_lowercase, min_size=1, max_size=12))
    return new_key(env, lambda size: draw(st.binary(min_size=size, max_size=size)))


@given(keys())
def test_a_new_key_can_be_read(key: NewKey) -> None:
    parsed = parse_key(key.text)
    assert (parsed.id, parsed.digest) == (key.id, key.digest)
    assert key.digest == hashlib.sha256(key.text.encode()).hexdigest()


@given(keys(), st.data())
def test_a_key_with_one_wrong_character_is_refused(key: NewKey, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(key.text) - 1))
    other = data.draw(st.sampled_from(sorted(set(KEY_CHARACTERS) - {key.text[place]})))
    with pytest.raises(Unauthenticated):
        parse_key(key.text[:place] + other + key.text[place + 1 :])


@given(keys(), st.data())
def test_a_key_with_two_neighbours_swapped_is_refused(key: NewKey, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(key.text) - 2))
    left, right = key.text[place], key.text[place + 1]
    swapped = key.text[:place] + right + left + key.text[place + 2 :]
    if left != right:
        with pytest.raises(Unauthenticated):
            parse_key(swapped)


@given(st.text())
def test_junk_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        parse_key(text)


@pytest.mark.parametrize(
    "change", [lambda k: k + "\n", lambda k: " " + k, str.upper, lambda k: k * 100, lambda k: k[:-1]]
)
def test_what_only_looks_like_a_key_is_refused(change: "object") -> None:
    assert callable(change)
    key = new_key("test", lambda size: b"\x5a" * size)
    with pytest.raises(Unauthenticated):
        parse_key(change(key.text))


def test_a_key_is_made_of_its_parts() -> None:
    taken = iter([b"\x01" * 12, b"\xff" * 32])
    key = new_key("prod", lambda _: next(taken))
    head, env, key_id, rest = key.text.split("_")
    assert (head, env, key_id) == ("dk", "prod", key.id)
    assert (len(key_id), len(rest)) == (16, 43 + 6)
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    value = 0
    for character in rest[-6:]:
        value = value * 62 + digits.index(character)
    assert value == zlib.crc32(key.text[:-6].encode())


def test_the_whole_of_the_random_secret_is_in_the_key() -> None:
    texts = {new_key("test", partial(_one_bit, bit)).text for bit in range(256)}
    assert len({text.split("_")[3] for text in texts}) == 256


def test_a_refusal_does_not_repeat_the_key() -> None:
    key = new_key("test", lambda size: b"\x5a" * size).text[:-1] + "!"
    with pytest.raises(Unauthenticated) as refused:
        parse_key(key)
    assert key[8:30] not in str(refused.value)


def _one_bit(bit: int, size: int) -> bytes:
    return (1 << bit).to_bytes(32)[-size:]
