"""The one line of a request: a log record and metrics, without anything secret."""

import json
import logging
import sys

import pytest

from dekr.http.edge.log import METRICS
from dekr.store.link import Link
from tests.redis_servers import RedisServer
from tests.still_link import still_link
from tests.world import World


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.readouterr().out.splitlines()]


def test_every_request_writes_one_line_with_its_facts(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    key = world.key(5, "anna")
    world.get(f"/quote/AAPL?apiKey={key}")
    world.get("/quote/AAPL", key)
    world.get("/quote/AAPL?tier=9", key)
    world.get("/quote/AAPL", "dk_wrong")
    miss, hit, bad, nobody = lines(capsys)
    assert (miss["outcome"], miss["upstream_calls"], miss["hits"], miss["cold_start"]) == ("miss", 1, 0, True)
    assert (hit["outcome"], hit["upstream_calls"], hit["hits"], hit["cold_start"]) == ("hit", 0, 1, False)
    assert hit["age_s"] == 0
    assert (hit["user"], hit["tier"], hit["status"], hit["request_id"]) == ("anna", "5", 200, "request-1")
    assert (bad["status"], bad["error"]) == (422, "invalid_input")
    assert (nobody["status"], nobody["error"]) == (401, "invalid_api_key")
    for line in (miss, hit, bad, nobody):
        text = json.dumps(line)
        assert key not in text
        assert "apiKey" not in text
        assert "tier=9" not in text


def test_the_line_names_the_ticker_and_nothing_that_is_none(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    key = world.key()
    for path in ("/quote/aapl", "/v2/last/nbbo/BACpL", f"/quote/{key}", "/market-status"):
        world.get(path, key)
    assert [line.get("ticker") for line in lines(capsys)] == ["AAPL", "BACpL", None, None]


def test_the_line_is_metrics_in_the_embedded_format(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.get("/quote/AAPL", world.key())
    world.get("/quote/AAPL")
    world.get("/quote/A..B", world.key())
    world.get("/health")
    for line in lines(capsys):
        (directive,) = line["_aws"]["CloudWatchMetrics"]  # type: ignore[index] # parsed JSON
        assert directive["Dimensions"] == [["service"], ["tier"]]
        assert {metric["Name"] for metric in directive["Metrics"]} == {name for name, _ in METRICS}
        for name in [metric["Name"] for metric in directive["Metrics"]]:
            assert isinstance(line[name], int | float), name
        for dimension in {name for names in directive["Dimensions"] for name in names}:
            assert isinstance(line[dimension], str), dimension


def test_what_nobody_expected_is_logged_with_its_traceback_and_shown_to_nobody(
    redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    link = still_link(redis.url)
    world = World(link)

    def broken(_: object) -> None:
        raise ZeroDivisionError("the secret reason")

    world.upstream.before = broken
    world.get("/quote/A..B", world.key())  # the function is imported by now; its logger may hold another test's output
    for handler in logging.getLogger("quote").handlers:
        handler.stream = sys.stdout  # type: ignore[attr-defined] # a stream handler
    capsys.readouterr()
    answer = world.get("/quote/AAPL", world.key())
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    logged, line = lines(capsys)
    assert "ZeroDivisionError: the secret reason" in str(logged["exception"])
    assert line["errors"] == 1
    link.close()


def test_what_fails_before_the_route_is_answered_and_logged_too(link: Link, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(link)
    key = world.key()

    def broken(_: str) -> None:
        raise RuntimeError("no table")

    world.directory.find = broken  # type: ignore[method-assign, assignment] # the directory is the outermost edge
    answer = world.get("/quote/AAPL", key)
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert lines(capsys)[-1]["status"] == 500
