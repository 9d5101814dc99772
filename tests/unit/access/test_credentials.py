"""Where a request may carry its credential."""

import pytest

from dekr.access.credentials import find_credential
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
def test_no_key_is_told_where_to_put_one(headers: dict[str, str], query: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated, match="X-Api-Key") as refused:
        find_credential(headers, query)
    assert refused.value.code == "missing_api_key"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic ZmFrZQ==", "fake-a"])
def test_another_form_of_authorization_is_refused_even_beside_a_key(value: str) -> None:
    with pytest.raises(Unauthenticated, match="Bearer <API key>"):
        find_credential({"authorization": value, "x-api-key": "fake-a"}, {})
