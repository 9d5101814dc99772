"""The choice of usable keys among those that an issuer publishes."""

import json
from typing import Any

import pytest

from dekr.access.jwks import Algorithm, usable_keys
from dekr.errors import UpstreamInvalid
from tests.fakes.issuer import private_key, public_jwk


def document(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_the_keys_of_the_algorithm_are_used_and_nothing_else_of_them(algorithm: Algorithm) -> None:
    plain = {name: value for name, value in public_jwk(algorithm, "b").items() if name not in ("use", "alg")}
    found = usable_keys(
        document(
            public_jwk(algorithm, "a", x5c=["cert"], d="secret", key_ops=["verify"]),
            plain,
            *(public_jwk(other, f"of-{other}") for other in ("RS256", "ES256", "EdDSA") if other != algorithm),
            {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": algorithm},
        ),
        algorithm,
    )
    assert sorted(found) == ["a", "b"]
    members = {"RS256": {"kty", "n", "e"}, "ES256": {"kty", "crv", "x", "y"}, "EdDSA": {"kty", "crv", "x"}}
    assert set(found["a"].model_dump()) == members[algorithm]


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "RS512"},
        {"alg": "HS256"},
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"kid": None},
        {"kid": ""},
        {"kid": "x" * 201},
        {"kid": "a b"},
        {"kid": 1},
        {"n": ""},
        {"n": "AQAB"},
        {"n": "!" * 342},
        {"n": "A" * 1367},
        {"e": "A" * 342},
        {"e": 65537},
        {"kty": "oct"},
        {"kty": None},
    ],
)
def test_a_key_for_something_else_is_left_out_and_its_neighbours_stay(change: dict[str, Any]) -> None:
    assert list(usable_keys(document(public_jwk("RS256", "bad") | change, public_jwk("RS256", "good")), "RS256")) == [
        "good"
    ]


@pytest.mark.parametrize(
    ("algorithm", "curve"), [("ES256", "P-384"), ("ES256", "secp256k1"), ("EdDSA", "Ed448"), ("EdDSA", "X25519")]
)
def test_a_key_on_another_curve_is_left_out(algorithm: Algorithm, curve: str) -> None:
    with pytest.raises(UpstreamInvalid):
        usable_keys(document(public_jwk(algorithm, "a", crv=curve)), algorithm)


def test_of_two_keys_with_one_kid_the_first_counts() -> None:
    first, second = public_jwk("RS256", "a"), public_jwk("RS256", "b") | {"kid": "a"}
    assert usable_keys(document(first, second), "RS256")["a"].model_dump()["n"] == first["n"]
    assert private_key("RS256", "a") is private_key("RS256", "a")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"7",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[]}',
        b'{"keys":[null,7,[],"x",{}]}',
        b"[" * 100_000,
        b'{"keys":' + b"9" * 5_000 + b"}",
    ],
)
def test_a_document_without_a_usable_key_is_not_believed(raw: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        usable_keys(raw, "RS256")
