"""Streams over HTTP: started with a request, begun by connecting, ended by their owner alone."""

import gzip
import json
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dekr.access.principal import Principal, Role
from dekr.models.streams import EndedStream
from dekr.store.link import Link
from dekr.stream.pairs import Channel, Pair
from dekr.stream.ports import ChangeKind, State
from dekr.stream.registry import Registry
from dekr.stream.started.records import MAX_STREAMS
from dekr.stream.started.wish import Wish
from dekr.tiers import Tier
from dekr.times import rfc3339_ms
from tests.integration.routes.streaming import CONNECTION, MANY, change, connect, end, find, pairs_of, start, ticket_of
from tests.shapes import shaped
from tests.world import STREAM_URL, Context, World


@pytest.fixture
def key(world: World) -> str:
    """The key of Ann, whose tier has 25 symbols."""
    return world.key(5, "ann")


def test_a_stream_begins_with_a_url_and_waits_for_a_minute(world: World, key: str) -> None:
    started = start(world, key)
    assert started["status"] == "started"
    assert started["url"].startswith(f"{STREAM_URL}?ticket=")
    assert started["expires_at"].startswith("2026-11-20T15:01:00")
    assert find(world, key, started) == {
        "stream_id": started["stream_id"],
        "status": "waiting",
        "pairs": ["T.AAPL", "T.MSFT"],
        "expires_at": started["expires_at"],
        "connected_since": None,
    }
    world.later(61)
    lapsed = find(world, key, started)
    assert (lapsed["status"], lapsed["expires_at"], lapsed["connected_since"]) == ("ended", None, None)
    assert world.services.tickets.redeem(ticket_of(started), CONNECTION) is None


def test_the_ticket_says_who_listens_and_to_what(world: World, key: str) -> None:
    body = {"symbols": ["aapl", "BRK.B", "AAPL"], "channels": ["T", "AM", "T"], "snapshot": True}
    redeemed = connect(world, start(world, key, body))
    assert [str(pair) for pair in redeemed.pairs] == ["T.AAPL", "T.BRK.B", "AM.AAPL", "AM.BRK.B"]
    assert (redeemed.subscriber.user, redeemed.subscriber.tier, redeemed.snapshot) == ("ann", 5, True)
    assert redeemed.subscriber.key_id


def test_a_connected_stream_ends_with_its_connection(world: World, key: str) -> None:
    started = start(world, key)
    world.later(10)
    connect(world, started)
    found = find(world, key, started)
    assert (found["status"], found["pairs"]) == ("connected", ["T.AAPL", "T.MSFT"])
    assert found["connected_since"].startswith("2026-11-20T15:00:10")
    assert found["expires_at"].startswith("2026-11-20T17:00:10")
    Registry(world.store).change(
        CONNECTION, ChangeKind.ADD, [Pair(Channel.QUOTES, "TSLA")], world.services.now_us() // 1000
    )
    assert find(world, key, started)["pairs"] == ["Q.TSLA", "T.AAPL", "T.MSFT"], "the client subscribed by itself, too"
    Registry(world.store).close(CONNECTION, world.services.now_us() // 1000)
    ended = find(world, key, started)
    assert (ended["status"], ended["expires_at"], ended["connected_since"]) == ("ended", None, found["connected_since"])


def test_it_is_connected_before_its_client_is_greeted(world: World, key: str) -> None:
    started = start(world, key)
    assert Registry(world.store).open(CONNECTION, "203.0.113.7", world.services.now_us() // 1000)
    assert world.services.tickets.redeem(ticket_of(started), CONNECTION)
    found = find(world, key, started)
    assert (found["status"], found["pairs"]) == ("connected", ["T.AAPL", "T.MSFT"])


def test_the_stream_of_a_token_ends_with_the_token(world: World) -> None:
    for left_us, waits_until, ends in ((30_000_000, ":00:30", ":00:30"), (600_000_000, ":01:00", ":10:00")):
        caller = Principal("jwt:x:ann", Tier(5), Role.USER, "", world.services.now_us() + left_us)
        started = world.services.streams.start(caller, Wish((Channel.TRADES,), ("AAPL",)))
        found = world.services.streams.find(caller, started.stream_id)
        assert found.until_us is not None
        assert found.until_us // 1_000_000 == started.until_us // 1_000_000
        assert waits_until in rfc3339_ms(started.until_us // 1_000)
        connection = f"{left_us}="
        assert Registry(world.store).open(connection, "203.0.113.7", world.services.now_us() // 1000)
        ticket = parse_qs(urlsplit(started.url).query)["ticket"][0]
        redeemed = world.services.tickets.redeem(ticket, connection)
        assert redeemed is not None
        assert redeemed.subscriber.ends_ms == caller.ends_us // 1_000 if caller.ends_us else None
        found = world.services.streams.find(caller, started.stream_id)
        assert found.until_us is not None
        assert ends in rfc3339_ms(found.until_us // 1_000)


def test_without_the_store_there_are_no_streams() -> None:
    world = World(Link.open("redis://127.0.0.1:1"))
    key = world.key(5, "ann")
    for answer in (world.post("/stream/start", key, ["AAPL"]), world.get(f"/stream/{'0' * 24}", key)):
        assert (answer.status, answer.json["code"]) == (503, "store_unavailable")
        assert answer.headers["Retry-After"] == "1"


def test_all_channels_are_there(world: World, key: str) -> None:
    body = {"symbols": ["AAPL"], "channels": ["LULD", "T", "Q", "A", "AM"]}
    assert find(world, key, start(world, key, body))["pairs"] == ["A.AAPL", "AM.AAPL", "LULD.AAPL", "Q.AAPL", "T.AAPL"]


@pytest.mark.parametrize("tier", [1, 2, 3, 4])
def test_a_lower_tier_is_told_which_one_has_streams(world: World, tier: int) -> None:
    bodies: tuple[Any, ...] = (["AAPL"], {}, ["no ticker"])
    for body in bodies:
        answer = world.post("/stream/start", world.key(tier, "bob"), body)
        assert (answer.status, answer.json["code"]) == (403, "feature_not_in_tier")
        assert answer.json["detail"] == f"Your tier ({tier}) does not include streams; tier 5 and higher ones do."


@pytest.mark.parametrize(("tier", "most"), [(5, 25), (6, 200), (7, 1_000)])
def test_each_tier_has_its_number_of_symbols(world: World, tier: int, most: int) -> None:
    key = world.key(tier, "ann")
    assert len(find(world, key, start(world, key, MANY[:most]))["pairs"]) == most
    answer = world.post("/stream/start", key, MANY[: most + 1])
    assert (answer.status, answer.json["field"]) == (422, "symbols")
    if most < 1_000:
        assert answer.json["code"] == "too_many_symbols"
        assert f"more than {most} symbols on your tier; they make {most + 1}" in answer.json["detail"]


def test_more_subscriptions_than_one_connection_takes(world: World) -> None:
    answer = world.post("/stream/start", world.key(7, "ann"), {"symbols": MANY[:501], "channels": ["T", "Q"]})
    assert (answer.status, answer.json["field"], answer.json["code"]) == (422, "symbols", "too_many_symbols")
    assert "1000 subscriptions with the channels; they make 1002" in answer.json["detail"]


def test_all_symbols_of_a_channel_are_for_the_highest_tier(world: World) -> None:
    body = {"symbols": ["*", "AAPL"], "channels": ["AM", "A"]}
    top = world.key(7, "top")
    assert find(world, top, start(world, top, body))["pairs"] == ["A.*", "A.AAPL", "AM.*", "AM.AAPL"]
    answer = world.post("/stream/start", world.key(6, "six"), body)
    assert (answer.status, answer.json["code"]) == (403, "feature_not_in_tier")
    assert answer.json["detail"].endswith("does not include all symbols of AM; tier 7 and higher ones do.")
    answer = world.post("/stream/start", top, {"symbols": ["*"]})
    assert (answer.status, answer.json["field"]) == (422, "symbols")
    assert "not offered" in answer.json["detail"]


def test_without_symbols_it_is_those_that_are_preferred_for_the_caller(world: World, key: str) -> None:
    module = world.key(7, "module", Role.SERVICE)
    for_ann = {"x-dekr-user": "ann"}
    assert world.post("/preferences/symbols", module, {"symbols": ["MSFT", "AAPL"]}, headers=for_ann).status == 200
    until = "2026-11-20T15:10:00Z"
    world.post("/preferences/symbols", module, {"symbols": ["TSLA"], "until": until}, headers=for_ann)
    world.post("/preferences/symbols", module, {"symbols": ["IBM"]}, headers={"x-dekr-user": "bob"})
    for body in ({}, {"channels": ["T"], "snapshot": True}):
        assert find(world, key, start(world, key, body))["pairs"] == ["T.AAPL", "T.MSFT", "T.TSLA"]
    world.later(601)
    assert find(world, key, start(world, key, {}))["pairs"] == ["T.AAPL", "T.MSFT"]
    assert world.send("DELETE", "/preferences/symbols/AAPL", module, headers=for_ann).status == 200
    assert find(world, key, start(world, key, {}))["pairs"] == ["T.MSFT"]


def test_of_more_preferred_symbols_than_the_tier_has_those_that_last_longest(world: World, key: str) -> None:
    module = world.key(7, "module", Role.SERVICE)
    world.post("/preferences/symbols", module, {"symbols": MANY[:30]}, headers={"x-dekr-user": "ann"})
    later = {"symbols": ["MSFT"], "until": "2026-12-10"}
    world.post("/preferences/symbols", module, later, headers={"x-dekr-user": "ann"})
    pairs = find(world, key, start(world, key, {}))["pairs"]
    assert len(pairs) == 25
    assert "T.MSFT" in pairs


def test_without_symbols_and_preferences_symbols_are_required(world: World, key: str) -> None:
    for body in ({}, {"channels": ["Q"]}):
        answer = world.post("/stream/start", key, body)
        assert (answer.status, answer.json["field"]) == (422, "symbols")
        assert answer.json["detail"] == "symbols: is required: no symbols are preferred for you"


def test_an_ended_stream_closes_its_connection_and_stays_ended(world: World, key: str) -> None:
    started = start(world, key)
    connect(world, started)
    for _ in range(2):
        assert shaped(EndedStream, end(world, key, started)) == {"stream_id": started["stream_id"], "status": "ended"}
    assert world.services.connections.closed == [CONNECTION]
    assert Registry(world.store).look_up(CONNECTION).state is State.GONE
    assert find(world, key, started)["status"] == "ended"
    answer = change(world, key, started, add=["TSLA"])
    assert (answer.status, answer.json["code"]) == (404, "stream_ended")


def test_a_stream_that_was_ended_while_it_waited_cannot_be_connected_to(world: World, key: str) -> None:
    started = start(world, key)
    assert end(world, key, started).status == 200
    assert world.services.tickets.redeem(ticket_of(started), CONNECTION) is None
    assert world.services.connections.closed == []


def test_a_stream_whose_connection_is_gone_cannot_be_changed(world: World, key: str) -> None:
    started = start(world, key)
    connect(world, started)
    Registry(world.store).close(CONNECTION, world.services.now_us() // 1000)
    for body in ({"add": ["TSLA"]}, {"remove": ["AAPL"]}):
        answer = change(world, key, started, **body)
        assert (answer.status, answer.json["code"]) == (404, "stream_ended")


def test_the_streams_of_others_are_unknown(world: World, key: str) -> None:
    started, bob = start(world, key), world.key(7, "bob")
    connect(world, started)
    answers = [
        world.get(f"/stream/{started['stream_id']}", bob),
        change(world, bob, started, add=["TSLA"]),
        end(world, bob, started),
        *(world.get(f"/stream/{name}", key) for name in ("0" * 24, "x", "START", "%C3%A4", "a" * 5_000, "..")),
    ]
    for answer in answers:
        assert (answer.status, answer.json["code"]) == (404, "unknown_stream"), answer.text
    assert pairs_of(world) == ["T.AAPL", "T.MSFT"]
    assert world.services.connections.closed == []


def test_a_module_starts_a_stream_for_a_user(world: World, key: str) -> None:
    module = world.key(7, "module", Role.SERVICE)
    answer = world.post("/stream/start", module, ["AAPL"], headers={"x-dekr-user": "ann"})
    assert answer.status == 200
    assert find(world, key, answer.json)["status"] == "waiting"


@pytest.mark.parametrize("name", ["stream", "stream-find", "stream-symbols", "stream-end"])
def test_the_recorded_events_lead_to_their_routes(world: World, key: str, name: str) -> None:
    text = (Path(__file__).parents[3] / f"events/{name}.json").read_text()
    answer = world.handler("stream")(json.loads(text.replace("dk_local_replaced-by-the-tests", key)), Context())
    found = json.loads(gzip.decompress(b64decode(answer["body"])) if answer["isBase64Encoded"] else answer["body"])
    expected = (200, "started") if name == "stream" else (404, "unknown_stream")
    assert (answer["statusCode"], found.get("code") or found["status"]) == expected


def test_every_request_is_charged_and_no_data_is_counted(world: World, key: str) -> None:
    started = start(world, key)
    find(world, key, started)
    change(world, key, started, add=["TSLA"])
    end(world, key, started)
    used = world.get("/usage", key).json
    assert (used["used"], used["classes"]) == (4, {})
    assert "RateLimit" in world.get(f"/stream/{started['stream_id']}", key).headers


def test_a_user_has_so_many_streams_at_most(world: World, key: str) -> None:
    started = [start(world, key) for _ in range(MAX_STREAMS + 1)]
    assert world.get(f"/stream/{started[0]['stream_id']}", key).status == 404
    assert find(world, key, started[1])["status"] == "waiting"
