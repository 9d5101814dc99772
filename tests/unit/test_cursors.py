"""A cursor opens for the query it was made for, and only with the secret it was signed with."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.cursors import MAX_LENGTH, Cursors
from dekr.errors import InvalidInput
from tests.world import CURSORS

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)


def refuses(cursors: Cursors, scope: str, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor: is not one that this query was given") as refusal:
        cursors.unseal(scope, cursor)
    assert refusal.value.code == "invalid_cursor"


@given(TEXTS, TEXTS)
def test_a_cursor_holds_its_text_and_goes_into_a_query_as_it_is(scope: str, text: str) -> None:
    cursor = CURSORS.seal(scope, text)
    assert CURSORS.unseal(scope, cursor) == text
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert len(cursor) <= (9 + len(text.encode())) * 4 / 3 + 1


@given(TEXTS, st.text(min_size=32, max_size=80))
def test_who_does_not_know_the_secret_can_make_none(text: str, guess: str) -> None:
    refuses(CURSORS, "/news", Cursors.signed_with(guess).seal("/news", text))


@given(TEXTS, st.data())
def test_no_byte_of_one_can_be_changed(text: str, data: st.DataObject) -> None:
    cursor = CURSORS.seal("/news", text)
    raw = bytearray(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    refuses(CURSORS, "/news", urlsafe_b64encode(raw).decode().rstrip("="))


@given(TEXTS, TEXTS, TEXTS)
def test_one_of_another_query_is_refused(scope: str, another: str, text: str) -> None:
    if scope != another:
        refuses(CURSORS, another, CURSORS.seal(scope, text))


@given(TEXTS, TEXTS, TEXTS)
def test_a_scope_and_a_text_cannot_be_cut_at_another_place(scope: str, middle: str, text: str) -> None:
    if middle:
        whole = urlsafe_b64decode((cursor := CURSORS.seal(scope, middle + text)) + "=" * (-len(cursor) % 4))
        moved = whole[:9] + text.encode()
        refuses(CURSORS, scope + middle, urlsafe_b64encode(moved).decode().rstrip("="))


@given(st.text(max_size=80))
def test_no_other_text_is_one(text: str) -> None:
    refuses(CURSORS, "/news", text)


def test_one_that_is_too_long_is_not_even_read() -> None:
    refuses(CURSORS, "/news", CURSORS.seal("/news", "x" * MAX_LENGTH))


def test_the_key_is_never_shown() -> None:
    assert repr(CURSORS) == "Cursors()"
