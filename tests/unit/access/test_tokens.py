"""The verification of tokens, and the principals that they stand for."""

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dekr.access.issuer_keys import IssuerKeys
from dekr.access.jwks import Algorithm
from dekr.access.limits import Limiter
from dekr.access.principal import Principal, Role, is_user
from dekr.access.tokens import MAX_LENGTH, MAX_REMEMBERED, Tokens
from dekr.errors import Unauthenticated
from dekr.stream.ports import Subscriber
from dekr.tiers import Tier
from tests.fakes.issuer import AUDIENCE, ISSUER, START_S, FakeIssuer, private_key
from tests.unit.access.test_without_the_store import DownStore


class Desk:
    """Verifies the tokens of one issuer, without a store."""

    def __init__(self, algorithm: Algorithm = "RS256", *kids: str, issuer: str = ISSUER) -> None:
        self.issuer = FakeIssuer(algorithm, *kids)
        self.now_us = START_S * 1_000_000
        store = DownStore()
        limiter = Limiter(store, self.clock)
        keys = IssuerKeys("https://issuer.example/keys", algorithm, self.issuer.fetch, store, limiter, self.clock)
        self.tokens = Tokens(issuer, AUDIENCE, keys, self.clock)

    def clock(self) -> int:
        return self.now_us

    def later(self, seconds: float) -> None:
        self.now_us += round(seconds * 1_000_000)

    def token(self, changed: dict[str, Any] | None = None, **more: Any) -> str:
        return self.issuer.token(changed, now_s=self.now_us // 1_000_000, **more)

    def refusal(self, token: str) -> str:
        with pytest.raises(Unauthenticated) as refused:
            self.tokens.verify(token)
        assert refused.value.code == "invalid_token"
        return refused.value.detail


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(token: str, **header: Any) -> str:
    _, payload, signature = token.split(".")
    return f"{part(header)}.{payload}.{signature}"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_good_token_is_a_user_of_its_tier(algorithm: Algorithm) -> None:
    desk = Desk(algorithm)
    caller = desk.tokens.verify(desk.token({"sub": "anna", "tier": 6}))
    assert caller.user_id.startswith("jwt:")
    assert caller.user_id.endswith(":anna")
    assert (caller.tier, caller.role) == (Tier.ALGORITHMIC_TRADER, Role.USER)


def test_the_user_of_a_token_ends_with_it() -> None:
    desk = Desk()
    caller = desk.tokens.verify(desk.token({"exp": START_S + 300}))
    assert caller.ends_us == (START_S + 300) * 1_000_000
    assert Subscriber.of(caller).ends_ms == (START_S + 300) * 1_000


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_the_usual_types_are_taken_and_no_type_is_fine(typ: str) -> None:
    desk = Desk()
    assert desk.tokens.verify(desk.token(header={"typ": typ})).tier == 5
    assert desk.tokens.verify(desk.token(header={"typ": None})).tier == 5


def test_one_audience_of_several_will_do() -> None:
    desk = Desk()
    assert desk.tokens.verify(desk.token({"aud": ["billing", AUDIENCE]})).tier == 5


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"aud": "billing"}, "another audience"),
        ({"aud": [AUDIENCE + "x"]}, "another audience"),
        ({"aud": {AUDIENCE: 1}}, "another audience"),
        ({"aud": None}, "no claim aud"),
        ({"aud": []}, "no claim aud"),
        ({"iss": "https://issuer.example"}, "another issuer"),
        ({"iss": ISSUER + "/"}, "another issuer"),
        ({"iss": None}, "no claim iss"),
        ({"exp": None}, "no claim exp"),
        ({"exp": "2030-01-01"}, "no good claim exp"),
        ({"exp": True}, "no good claim exp"),
        ({"exp": -1}, "no good claim exp"),
        ({"exp": (START_S + 300) * 1000}, "no good claim exp"),
        ({"exp": 10**400}, "no good claim exp"),
        ({"exp": float("inf")}, "no good claim exp"),
        ({"exp": START_S}, "expired"),
        ({"exp": 0}, "expired"),
        ({"nbf": START_S + 31}, "not valid yet"),
        ({"iat": START_S + 31}, "not valid yet"),
        ({"nbf": "now"}, "no good claim nbf"),
        ({"iat": "now"}, "no good claim iat"),
        ({"sub": None}, "no claim sub"),
        ({"sub": ""}, "no good claim sub"),
        ({"sub": "x" * 129}, "no good claim sub"),
        ({"sub": "anna b"}, "no good claim sub"),
        ({"sub": "anna\n"}, "no good claim sub"),
        ({"sub": "änna"}, "no good claim sub"),
        ({"tier": None}, "no claim tier"),
        ({"tier": 0}, "no good claim tier"),
        ({"tier": 8}, "no good claim tier"),
        ({"tier": True}, "no good claim tier"),
        ({"tier": "7"}, "no good claim tier"),
        ({"tier": 7.0}, "no good claim tier"),
        ({"tier": [7]}, "no good claim tier"),
        ({"role": "admin"}, "no good claim role"),
        ({"role": "service"}, "no good claim role"),
    ],
)
def test_a_claim_that_is_not_as_agreed_is_refused_by_name(changed: dict[str, Any], detail: str) -> None:
    desk = Desk("EdDSA")
    # Not as FakeIssuer.token does it: the library would refuse to make some of these.
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "anna", "tier": 5, "exp": START_S + 300, **changed}
    payload = json.dumps({name: value for name, value in claims.items() if value is not None}).encode()
    token = jwt.api_jws.encode(payload, private_key("EdDSA", "key-1"), "EdDSA", {"kid": "key-1"})
    assert detail in desk.refusal(token)


def test_a_sub_that_is_no_text_is_refused() -> None:
    desk = Desk("EdDSA")
    payload = json.dumps({"iss": ISSUER, "aud": AUDIENCE, "sub": 7, "tier": 5, "exp": START_S + 300}).encode()
    desk.refusal(jwt.api_jws.encode(payload, private_key("EdDSA", "key-1"), "EdDSA", {"kid": "key-1"}))


def test_a_token_ends_at_its_exp_by_the_services_clock_even_where_it_is_remembered() -> None:
    desk = Desk()
    token = desk.token({"exp": START_S + 20})
    desk.later(19.9)
    assert desk.tokens.verify(token).tier == 5
    desk.later(0.1)
    assert "expired" in desk.refusal(token)


def test_the_issuers_clock_may_be_a_little_ahead() -> None:
    desk = Desk()
    token = desk.token({"nbf": START_S + 31, "iat": START_S + 31})
    desk.refusal(token)
    desk.later(1)
    assert desk.tokens.verify(token).tier == 5


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_token_with_one_character_changed_is_refused(place: int) -> None:
    desk = Desk()
    parts = desk.token().split(".")
    middle = len(parts[place]) // 2
    changed = "B" if parts[place][middle] == "A" else "A"
    parts[place] = parts[place][:middle] + changed + parts[place][middle + 1 :]
    desk.refusal(".".join(parts))


def test_claims_of_one_token_under_the_signature_of_another_are_refused() -> None:
    desk = Desk()
    low, high = desk.token({"tier": 1}), desk.token({"tier": 7})
    header, _, signature = low.split(".")
    assert "signature is wrong" in desk.refusal(f"{header}.{high.split('.')[1]}.{signature}")


def test_another_key_under_the_name_of_a_published_one_is_refused() -> None:
    desk = Desk()
    assert "signature is wrong" in desk.refusal(desk.token(kid="key-1", signed_by="stolen"))


def test_the_public_key_is_no_secret_to_sign_with() -> None:
    desk = Desk()
    desk.tokens.verify(desk.token())
    pem = private_key("RS256", "key-1").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _, payload, _ = desk.token({"tier": 7}).split(".")
    for secret in (pem, pem.strip(), json.dumps(desk.issuer.keys[0]).encode()):
        for alg in ("HS256", "RS256"):
            signed = f"{part({'alg': alg, 'kid': 'key-1', 'typ': 'JWT'})}.{payload}"
            desk.refusal(f"{signed}.{part(hmac.digest(secret, signed.encode(), 'sha256'))}")


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "", "HS256", "RS384", "PS256", "ES256", "EdDSA", None, 5, ["RS256"]]
)
def test_only_the_one_algorithm_is_taken(alg: Any) -> None:
    desk = Desk()
    token = desk.token()
    refused = with_header(token, alg=alg, kid="key-1")
    desk.refusal(refused)
    desk.refusal(refused.rpartition(".")[0] + ".")
    assert desk.issuer.fetches == 0


def test_a_key_of_another_algorithm_cannot_be_used_though_the_issuer_publishes_it() -> None:
    desk = Desk("RS256")
    other = FakeIssuer("ES256", "key-2")
    desk.issuer.keys += other.keys
    assert "must be signed with RS256" in desk.refusal(other.token(kid="key-2"))
    assert "does not publish" in desk.refusal(desk.token(kid="key-2"))


def test_an_rsa_key_that_is_too_short_is_not_used() -> None:
    desk = Desk()
    short = private_key("RS256", "short", 1024)
    form = jwt.get_algorithm_by_name("RS256").to_jwk(short.public_key(), as_dict=True)
    # Leading zeros make the text as long as that of a good key.
    raw = base64.urlsafe_b64decode(form["n"] + "==").rjust(256, b"\0")
    desk.issuer.keys.append({"kty": "RSA", "kid": "short", "n": part(raw), "e": form["e"]})
    header = {"alg": "RS256", "kid": "short"}
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = jwt.encode(
            {"iss": ISSUER, "aud": AUDIENCE, "sub": "a", "tier": 7, "exp": START_S + 9}, short, "RS256", header
        )
    assert "broken" in desk.refusal(token)


@pytest.mark.parametrize("crit", [["x"], ["exp"], ["b64"], [], None, "x", [7]])
def test_a_critical_extension_is_refused_whatever_it_is(crit: Any) -> None:
    desk = Desk()
    header = {"alg": "RS256", "kid": "key-1", "crit": crit, "x": 1, "b64": True}
    desk.refusal(_signed(header))
    del header["b64"]
    desk.refusal(_signed(header))
    assert desk.issuer.fetches == 0


@pytest.mark.parametrize("b64", [True, False, None])
def test_a_payload_that_is_not_encoded_as_usual_is_refused(b64: Any) -> None:
    desk = Desk()
    desk.refusal(_signed({"alg": "RS256", "kid": "key-1", "b64": b64}))
    assert desk.issuer.fetches == 0


@pytest.mark.parametrize("typ", ["JWE", "dpop+jwt", "", 5])
def test_a_token_of_another_type_is_refused(typ: Any) -> None:
    desk = Desk()
    assert "typ" in desk.refusal(_signed({"alg": "RS256", "kid": "key-1", "typ": typ}))


def test_a_key_that_the_token_brings_along_or_points_to_is_not_used() -> None:
    desk = Desk()
    own = FakeIssuer("RS256", "own")
    for brought in ({"jwk": own.keys[0]}, {"jku": "https://thief.example/keys"}, {"x5u": "https://thief.example/cert"}):
        assert "signature is wrong" in desk.refusal(desk.token(kid="key-1", signed_by="own", header=brought))
        assert "does not publish" in desk.refusal(desk.token(kid="own", header=brought))
        assert desk.tokens.verify(desk.token(header=brought)).tier == 5
    assert desk.issuer.fetches == 1


@pytest.mark.parametrize("kid", [None, "", "x" * 201, "a b", "a\n", "ä", "key\x00", 7, ["key-1"], {"a": 1}, "../'; --"])
def test_a_kid_that_is_none_is_refused_and_nothing_is_fetched(kid: Any) -> None:
    desk = Desk()
    header = {"alg": "RS256", "typ": "JWT"} | ({} if kid is None else {"kid": kid})
    desk.refusal(_signed(header))
    assert desk.issuer.fetches == 0


def test_many_unknown_kids_are_one_fetch_a_minute() -> None:
    desk = Desk()
    for number in range(300):
        desk.refusal(desk.token(kid=f"random-{number}", signed_by="stolen"))
    assert desk.issuer.fetches == 1
    desk.later(59)
    desk.refusal(desk.token(kid="random-x", signed_by="stolen"))
    assert desk.issuer.fetches == 1
    desk.later(1)
    for number in range(300):
        desk.refusal(desk.token(kid=f"again-{number}", signed_by="stolen"))
    assert desk.issuer.fetches == 2
    assert desk.tokens.verify(desk.token()).tier == 5


@pytest.mark.parametrize(
    "text",
    [
        "a.b.",
        "..",
        "a.b.c.d.e",
        "a.b.c",
        "a b.c.d",
        "é.b.c",
        "\ud800.b.c",
        f"{part(b'[]')}.e30.e30",
        f"{part(b'null')}.e30.e30",
        f"{part(b'{')}.e30.e30",
        f"{part(b'\xff')}.e30.e30",
        part(b'{"alg":' + b"[" * 5_000) + ".e30.e30",
        part(b'{"alg":' + b"9" * 5_000 + b"}") + ".e30.e30",
    ],
)
def test_what_only_looks_like_a_token_is_refused_without_a_fetch(text: str) -> None:
    desk = Desk()
    desk.refusal(text)
    assert desk.issuer.fetches == 0


def test_a_token_that_is_too_long_is_refused_though_it_is_good() -> None:
    desk = Desk()
    token = desk.token({"more": "x" * MAX_LENGTH})
    assert "no longer than 8192" in desk.refusal(token)
    assert desk.issuer.fetches == 0
    assert desk.tokens.verify(desk.token({"more": "x" * 5_000})).tier == 5


def test_a_payload_that_is_no_object_is_refused() -> None:
    desk = Desk()
    for payload in (b"[]", b"null", b"{", b"[" * 3_000):
        desk.refusal(jwt.api_jws.encode(payload, private_key("RS256", "key-1"), "RS256", {"kid": "key-1"}))


def test_no_sub_is_the_user_of_a_key_or_of_another_issuer() -> None:
    desk = Desk()
    names = {
        desk.tokens.verify(desk.token({"sub": sub})).user_id for sub in ("anna", "jwt:anna", "a:b", "a:", ":b", "A:b")
    }
    assert len(names) == 6
    assert not any(is_user(name) for name in names)
    other = Desk(issuer=ISSUER + ":a")
    theirs = {
        other.tokens.verify(other.token({"iss": ISSUER + ":a", "sub": sub})).user_id for sub in ("anna", "b", "a:b")
    }
    assert not names & theirs


def test_a_token_is_not_verified_again_while_the_keys_are_fresh() -> None:
    desk = Desk()
    token = desk.token({"exp": START_S + 3_600})
    first = desk.tokens.verify(token)
    # The issuer withdraws the key, which is noticed when the keys are due.
    desk.issuer.keys = FakeIssuer("RS256", "key-2").keys
    desk.later(599)
    assert desk.tokens.verify(token) is first
    desk.later(1)
    assert "does not publish" in desk.refusal(token)
    assert desk.issuer.fetches == 2


def test_a_refused_token_is_not_remembered_as_good() -> None:
    desk = Desk()
    good = desk.token()
    desk.tokens.verify(good)
    header, payload, signature = good.split(".")
    for _ in range(2):
        desk.refusal(f"{header}.{payload}.{'A' * len(signature)}")


def test_a_sandbox_remembers_a_bounded_number_of_tokens() -> None:
    desk = Desk("EdDSA")
    desk.tokens.verify(desk.token())
    desk.tokens._remembered.update({bytes([n % 256, n // 256]): _nobody() for n in range(MAX_REMEMBERED - 1)})
    desk.tokens.verify(desk.token({"sub": "bert"}))
    assert len(desk.tokens._remembered) == MAX_REMEMBERED


def _nobody() -> tuple[Principal, int]:
    return Principal("jwt:x:y", Tier(1), Role.USER, ""), time.time_ns()


def _signed(header: dict[str, Any]) -> str:
    """A token with a true signature under any header."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "anna", "tier": 7, "exp": START_S + 300}
    text = f"{part(header)}.{part(claims)}"
    algorithm = jwt.get_algorithm_by_name("RS256")
    return f"{text}.{part(algorithm.sign(text.encode(), private_key('RS256', 'key-1')))}"


def test_the_signer_that_signs_any_header_makes_good_tokens() -> None:
    assert Desk().tokens.verify(_signed({"alg": "RS256", "kid": "key-1"})).tier == 7
