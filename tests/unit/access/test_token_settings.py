"""The settings of the tokens' issuer."""

import pytest
from pydantic import ValidationError

from dekr.config import Settings

LEAST = {
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "KEYS_TABLE": "keys",
    "POLYGON_SECRET_ARN": "arn:fake",
    "CURSOR_SECRET": "a fake secret of many characters",
}
TOKENS = {
    "JWT_ISSUER": "https://issuer.example/dekr",
    "JWT_AUDIENCE": "market-data",
    "JWKS_URL": "https://issuer.example/jwks.json",
}


def test_without_an_issuer_tokens_are_off() -> None:
    assert Settings.read(LEAST | dict.fromkeys(TOKENS, "")).jwt_issuer == ""


def test_an_issuer_signs_with_rs256_unless_it_says_otherwise() -> None:
    assert Settings.read(LEAST | TOKENS).jwt_algorithm == "RS256"
    assert Settings.read(LEAST | TOKENS | {"JWT_ALGORITHM": "EdDSA"}).jwt_algorithm == "EdDSA"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/jwks", "http://localhost/jwks", "https://id.example:8443/a/b?c=d"]
)
def test_keys_come_over_https_or_from_this_machine(url: str) -> None:
    assert Settings.read(LEAST | TOKENS | {"JWKS_URL": url}).jwks_url == url


@pytest.mark.parametrize(
    "wrong",
    [
        {"JWT_ISSUER": ""},
        {"JWT_AUDIENCE": ""},
        {"JWKS_URL": ""},
        {"JWT_ALGORITHM": "HS256"},
        {"JWT_ALGORITHM": "none"},
        {"JWT_ALGORITHM": "RS256,HS256"},
        {"JWKS_URL": "http://issuer.example/jwks"},
        {"JWKS_URL": "http://127.0.0.1@issuer.example/jwks"},
        {"JWKS_URL": "http://127.0.0.1.issuer.example/jwks"},
        {"JWKS_URL": "http://localhost:80@issuer.example/jwks"},
        {"JWKS_URL": "https://user:fake@issuer.example/jwks"},
        {"JWKS_URL": "https://issuer.example"},
        {"JWKS_URL": "file:///etc/jwks"},
        {"JWKS_URL": "https://issuer.example/a b"},
    ],
)
def test_what_would_be_open_to_others_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.read(LEAST | TOKENS | wrong)
