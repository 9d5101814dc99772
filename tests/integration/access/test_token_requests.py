"""Requests with a token through the real handlers; the issuer's keys come over HTTP."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dekr.access.principal import Role
from dekr.config import Settings
from dekr.store.link import Link
from tests.fakes.issuer import AUDIENCE, ISSUER, Address, FakeIssuer, served
from tests.redis_servers import RedisServer
from tests.round_trips import counted
from tests.still_link import still_link
from tests.world import CURSOR_SECRET, Answer, DrivenServices, World

type Get = Callable[..., Answer]


class Platform:
    """The service with an issuer of tokens."""

    def __init__(self, link: Link, address: Address, issuer: FakeIssuer) -> None:
        self.world = World(link)
        self.address = address
        self.issuer = issuer
        self.sandbox(link)
        self.world.to("2026-11-20T15:00:00Z")

    def sandbox(self, link: Link) -> None:
        """Start a new sandbox in the place of the last."""
        settings = Settings.read(
            {
                "REDIS_URL": "redis://127.0.0.1:1",
                "KEYS_TABLE": "keys",
                "POLYGON_SECRET_ARN": "arn:fake",
                "CURSOR_SECRET": CURSOR_SECRET,
                "POLYGON_PER_MINUTE": "6000",
                "JWT_ISSUER": ISSUER,
                "JWT_AUDIENCE": AUDIENCE,
                "JWKS_URL": self.address.url,
            }
        )
        world = self.world
        world.services = DrivenServices(settings, link, lambda: world.directory, world.upstream.client, lambda _: None)
        world.upstream.now_us = world.services.now_us

    def token(self, changed: dict[str, Any] | None = None, **more: Any) -> str:
        return self.issuer.token(changed, now_s=self.world.services.now_us() // 1_000_000, **more)

    def get(self, token: str, path: str = "/quote/AAPL", **headers: str) -> Answer:
        return self.world.get(path, headers={"authorization": f"Bearer {token}", **headers})


@pytest.fixture
def platform(link: Link) -> Iterator[Platform]:
    issuer = FakeIssuer("RS256")
    with served((200, {}, issuer.fetch())) as address:
        yield Platform(link, address, issuer)


def test_a_token_is_answered_by_its_tier_and_counted_for_its_user(platform: Platform) -> None:
    first, second = platform.get(platform.token({"tier": 6})), platform.get(platform.token({"tier": 6, "jti": "other"}))
    assert first.status == 200
    assert first.headers["RateLimit"].startswith('"burst";r=199;t=1, "day";r=499999')
    # Two tokens of one user share a limit.
    assert second.headers["RateLimit"].startswith('"burst";r=198;t=1, "day";r=499998')
    raised = platform.get(platform.token({"tier": 4}), "/quote/AAPL?tier=5")
    assert (raised.status, raised.json["code"]) == (403, "tier_not_entitled")


def test_a_sub_with_the_name_of_a_keys_user_has_limits_of_its_own(platform: Platform) -> None:
    key = platform.world.key(6, "anna")
    platform.world.get("/quote/AAPL", key)
    answer = platform.get(platform.token({"tier": 6, "sub": "anna"}))
    assert answer.headers["RateLimit"].startswith('"burst";r=199')


def test_the_same_token_again_costs_one_round_trip_and_no_fetch(platform: Platform, link: Link) -> None:
    token = platform.token()
    platform.get(token)
    with counted(link) as trips:
        assert platform.get(token).status == 200
        assert trips.count == 1
    assert platform.address.requested == ["/jwks.json"]


def test_a_second_sandbox_has_the_keys_from_the_store(platform: Platform, redis: RedisServer) -> None:
    platform.get(platform.token())
    other = still_link(redis.url)
    other.clock_offset_us = platform.world.store.clock_offset_us
    platform.sandbox(other)
    assert platform.get(platform.token()).status == 200
    assert platform.address.requested == ["/jwks.json"]
    other.close()


@pytest.mark.parametrize(
    "make",
    [
        lambda p: p.token({"exp": p.world.services.now_us() // 1_000_000 - 1}),
        lambda p: p.token({"aud": "billing"}),
        lambda p: p.token({"iss": "https://other.example"}),
        lambda p: p.token({"tier": 8}),
        lambda p: p.token(kid="unknown", signed_by="stolen"),
        lambda p: p.token(signed_by="stolen"),
        lambda p: p.token(kid="x" * 5_000),
        lambda p: p.token()[:-2],
        lambda _: "a.b.c",
    ],
)
@pytest.mark.parametrize("path", ["/quote/AAPL", "/v2/last/nbbo/AAPL"])
def test_a_bad_token_is_401_after_one_fetch_at_most_and_no_call(
    platform: Platform, make: Callable[[Platform], str], path: str
) -> None:
    token = make(platform)
    for _ in range(3):
        answer = platform.get(token, path)
        assert answer.status == 401
        if path.startswith("/quote"):
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.json["code"] == "invalid_token"
        else:
            assert answer.json["status"] == "ERROR"
    assert len(platform.address.requested) <= 1
    assert platform.world.upstream.calls == []
    assert platform.world.directory.reads == 0


def test_a_token_elsewhere_than_in_authorization_gets_an_error_that_names_the_header(platform: Platform) -> None:
    token = platform.token()
    for answer in (platform.world.get("/quote/AAPL", token), platform.world.get(f"/quote/AAPL?apiKey={token}")):
        assert (answer.status, answer.json["code"]) == (401, "invalid_token")
        assert "Authorization header" in answer.json["detail"]
        assert token not in answer.text


def test_a_token_may_not_name_another_user(platform: Platform) -> None:
    platform.world.key(7, "bert")
    answer = platform.get(platform.token(), **{"x-dekr-user": "bert"})
    assert (answer.status, answer.json["code"]) == (403, "role_required")


def test_a_service_cannot_act_for_a_user_of_tokens_by_name(platform: Platform) -> None:
    service = platform.world.key(7, "screener", Role.SERVICE)
    name = platform.world.services.principals.resolve(platform.token(), "").user_id
    answer = platform.world.get("/quote/AAPL", service, headers={"x-dekr-user": name})
    assert (answer.status, answer.json["field"]) == (422, "X-Dekr-User")


def test_while_the_issuer_is_down_tokens_are_503_and_keys_go_on(platform: Platform) -> None:
    platform.address.answer = (503, {}, b"")
    answer = platform.get(platform.token())
    assert (answer.status, answer.json["code"]) == (503, "token_keys_unavailable")
    assert int(answer.headers["Retry-After"]) <= 10
    assert platform.world.get("/quote/AAPL", platform.world.key()).status == 200


def test_a_rotated_key_is_taken_after_a_minute(platform: Platform) -> None:
    platform.get(platform.token())
    platform.issuer.keys = FakeIssuer("RS256", "key-2").keys
    platform.address.answer = (200, {}, platform.issuer.fetch())
    platform.world.later(60)
    assert platform.get(platform.token(kid="key-2")).status == 200
    assert platform.get(platform.token(kid="key-1")).status == 401


def test_a_service_without_an_issuer_says_that_it_takes_no_tokens(world: World) -> None:
    answer = world.get("/quote/AAPL", headers={"authorization": f"Bearer {FakeIssuer().token()}"})
    assert (answer.status, answer.json["code"]) == (401, "invalid_token")
    assert "takes no tokens" in answer.json["detail"]


def test_nobody_pays_for_the_cryptography_before_a_token_comes() -> None:
    code = (
        "import sys; import dekr.wiring, dekr.access.tokens, dekr.access.issuer_keys;"
        "print([name for name in ('jwt', 'cryptography.hazmat', 'httpx', 'boto3') if name in sys.modules])"
    )
    layer = Path(__file__).parents[3] / "layers/common"
    run = subprocess.run([sys.executable, "-c", code], cwd=layer, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert run.stdout.strip() == "[]"
