"""A request carries its credential in the places that are allowed, and nowhere else."""

import pytest

from dekr.access.credentials import find_credential, is_token
from dekr.errors import Unauthenticated


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x-api-key": "fake-a"}, {}),
        ({"authorization": "Bearer fake-a"}, {}),
        ({"authorization": "bearer   fake-a "}, {}),
        ({}, {"apiKey": "fake-a"}),
        ({"x-api-key": "fake-a", "authorization": "Bearer fake-a"}, {"apiKey": "fake-a"}),
        ({"x-api-key": ""}, {"apiKey": "fake-a"}),
    ],
)
def test_each_place_will_do_and_the_same_key_in_several_is_fine(headers: dict[str, str], query: dict[str, str]) -> None:
    assert find_credential(headers, query) == "fake-a"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x-api-key": "fake-a", "authorization": "Bearer fake-b"}, {}),
        ({"x-api-key": "fake-a"}, {"apiKey": "fake-b"}),
        ({"authorization": "Bearer fake-a"}, {"apiKey": "fake-b"}),
        ({"x-api-key": "fake-a", "authorization": "Bearer fake-a"}, {"apiKey": "fake-é"}),
    ],
)
def test_keys_that_differ_are_refused(headers: dict[str, str], query: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated) as refused:
        find_credential(headers, query)
    assert refused.value.code == "conflicting_api_keys"


@pytest.mark.parametrize(
    ("headers", "query"), [({}, {}), ({"x-api-key": ""}, {"apiKey": ""}), ({}, {"apikey": "fake"})]
)
def test_without_a_key_the_error_says_where_to_put_one(headers: dict[str, str], query: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated, match="X-Api-Key") as refused:
        find_credential(headers, query)
    assert refused.value.code == "missing_api_key"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic ZmFrZQ==", "fake-a"])
def test_another_form_of_authorization_is_refused_even_with_a_key(value: str) -> None:
    with pytest.raises(Unauthenticated, match="Bearer <API key>"):
        find_credential({"authorization": value, "x-api-key": "fake-a"}, {})


TOKEN = "aGVhZA.Y2xhaW1z.c2lnbmF0dXJl"


def test_a_token_goes_as_bearer() -> None:
    assert find_credential({"authorization": f"Bearer {TOKEN}"}, {}) == TOKEN


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x-api-key": TOKEN}, {}),
        ({}, {"apiKey": TOKEN}),
        ({"authorization": f"Bearer {TOKEN}"}, {"apiKey": TOKEN}),
        ({"authorization": f"Bearer {TOKEN}", "x-api-key": TOKEN}, {}),
        ({"x-api-key": "fake-a"}, {"apiKey": TOKEN}),
    ],
)
def test_a_token_in_another_place_is_refused_with_the_right_one(headers: dict[str, str], query: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated, match="Authorization header") as refused:
        find_credential(headers, query)
    assert refused.value.code == "invalid_token"


def test_a_token_together_with_a_key_is_refused() -> None:
    with pytest.raises(Unauthenticated) as refused:
        find_credential({"authorization": f"Bearer {TOKEN}", "x-api-key": "fake-a"}, {})
    assert refused.value.code == "conflicting_api_keys"


@pytest.mark.parametrize(
    ("credential", "outline"),
    [
        (TOKEN, True),
        ("a.b.", True),
        ("dk_test_fake", False),
        ("dk_test.a.b", False),
        ("a.b", False),
        ("a.b.c.d.e", False),
    ],
)
def test_the_outline_tells_a_token_from_a_key(credential: str, outline: bool) -> None:
    assert is_token(credential) is outline
