"""The relay's function: what it writes about a run, and how little it loads where another relay runs."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dekr import relay_wiring
from dekr.cache.entry_cache import EntryCache
from dekr.market.quotes.live import LiveQuotes
from dekr.passed_over import PassedOver
from dekr.relay_wiring import LiveTap
from dekr.store.link import Link
from dekr.stream.delivery.stats import Counts
from dekr.stream.ports import NumberedEvent
from tests.fakes.lease import LeaseTable
from tests.integration.stream.relay_process import AWS
from tests.integration.stream.relay_runs import RelayContext, held, services
from tests.patience import patient_url
from tests.redis_servers import RedisServer
from tests.world import World, load

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

ROOT = Path(__file__).parents[3]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    """Run the function; its lines."""

    def ran(made: Any, event: dict[str, str]) -> list[dict[str, Any]]:
        module = load("stream_relay")
        module.wire = lambda: made  # type: ignore[attr-defined] # the function's seam
        module.handler(event, RelayContext())
        return lines(capsys.readouterr().out)

    return ran


def test_where_another_relay_runs_it_says_so_and_leaves(run: Any) -> None:
    (line,) = run(services(held()), {"wake": "schedule"})
    assert (line["service"], line["level"], line["line"]) == ("stream-relay", "INFO", "run")
    assert (line["outcome"], line["cause"], line["epoch"], line["failed_runs"]) == ("held", None, 0, 0)
    assert (line["request"], line["version"]) == ("request-1", "7")


def test_the_lease_goes_by_the_machines_clock_whatever_moment_the_market_is_at(run: Any) -> None:
    a_century_us = 100 * 366 * 86_400 * 1_000_000
    (line,) = run(services(held(), a_century_us), {"wake": "schedule"})
    assert line["outcome"] == "held"


def test_a_store_that_cannot_be_reached_is_an_error_in_the_line(run: Any) -> None:
    table = LeaseTable()
    (line,) = run(services(table), {"wake": "schedule"})
    assert (line["level"], line["outcome"], line["error"]) == ("ERROR", "failed", "store_unavailable")
    (line,) = run(services(table), {"wake": "subscription"})
    assert (line["level"], line["outcome"], line["error"]) == ("ERROR", "failed", "store_unavailable")
    assert table.held is None
    table.down = True
    (line,) = run(services(table), {"wake": "subscription"})
    assert (line["level"], line["outcome"], line["failed_runs"]) == ("ERROR", "failed", 1)
    assert [metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["failed_runs"]


def test_counts_are_metrics_of_one_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts(events=3, deliveries=2, posts=1, dropped=4, outages=7, lags_us=[5, 9]).stats(6, 8)
    load("stream_relay").count({**asdict(counts), "passed_over": ("store_unavailable: write",)})
    (line,) = lines(capsys.readouterr().out)
    assert (line["level"], line["passed_over"]) == ("WARNING", ["store_unavailable: write"])
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service"]]
    names = [metric["Name"] for metric in directive["Metrics"]]
    assert [line[name] for name in names] == [3, 2, 1, 4, 0, 0, 0, 7, 6, 9, 9]
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}.items() >= {
        ("events", "Count"),
        ("outages", "Count"),
        ("lag_p99_us", "Microseconds"),
    }
    assert line["pairs"] == 8


def test_most_runs_load_no_http_client_and_no_relay() -> None:
    program = """
import sys
sys.path.append("functions/stream_relay")
import app
from tests.integration.stream import relay_runs
app.wire = lambda: relay_runs.services(relay_runs.held())
app.handler({"wake": "schedule"}, relay_runs.RelayContext())
"""
    heavy = ["aiohttp", "dekr.stream.relay.relay", "dekr.stream.shift.parts", "httpx"]
    check = f"print([name for name in {heavy} if name in sys.modules])"
    path = f"{ROOT}:{ROOT / 'layers/common'}"
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", f"{program}\n{check}"],
        cwd=ROOT,
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_streamed_quotes_and_trades_are_read_without_an_upstream_call(world: World) -> None:
    now_us = world.services.now_us()
    at_ms = now_us // 1000
    passed_over = PassedOver()
    tap = LiveTap(LiveQuotes(EntryCache(world.store), 3_600_000_000), passed_over)
    quote = f'{{"ev":"Q","sym":"AAPL","bp":10.5,"bs":2,"ap":11,"as":3,"t":{at_ms}}}'
    trade = f'{{"ev":"T","sym":"AAPL","p":10.75,"s":2,"i":"1","x":4,"t":{at_ms}}}'
    events = [NumberedEvent("Q.AAPL", 1, quote), NumberedEvent("T.AAPL", 1, trade), NumberedEvent("T.MSFT", 1, "{torn")]
    tap(events, now_us)
    key = world.key(7)
    found = {name: world.get(f"/{name}/AAPL", key) for name in ("quote", "trade")}
    assert (found["quote"].json["bid"], found["trade"].json["price"]) == (10.5, 10.75)
    assert {answer.headers["X-Data-Source"] for answer in found.values()} == {"stream"}
    assert world.upstream.calls == []
    assert not passed_over


def test_a_store_that_takes_nothing_is_named_and_harms_nobody() -> None:
    passed_over = PassedOver()
    tap = LiveTap(LiveQuotes(EntryCache(Link.open("redis://127.0.0.1:1/0")), 0), passed_over)
    trade = '{"ev":"T","sym":"AAPL","p":10.75,"s":2,"t":1795000000000}'
    tap([NumberedEvent("T.AAPL", 1, trade)], 1_795_000_000_000_000)
    assert [(failure.code, failure.fault) for failure in passed_over.take()] == [
        ("store_unavailable", "live: sign-in: ConnectionError")
    ]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch, redis: RedisServer) -> Iterator["DynamoDBClient"]:
    """The environment of a sandbox, with its tables in a simulated DynamoDB."""
    environment = {
        "REDIS_URL": patient_url(redis.url),
        "KEYS_TABLE": "keys",
        "STREAM_TABLE": "stream",
        "POLYGON_SECRET_ARN": "arn:fake",
        "CURSOR_SECRET": "a fake secret of many characters",
        "POLYGON_STREAM_URL": "ws://127.0.0.1:1/stocks",
        "STREAM_ENDPOINT": "http://127.0.0.1:1/stocks",
        "AWS_DEFAULT_REGION": "us-east-1",
        **AWS,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    relay_wiring._dynamodb.cache_clear()
    with mock_aws():
        client = boto3.client("dynamodb")
        for table in ("keys", "stream"):
            client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            )
        yield client
    relay_wiring._dynamodb.cache_clear()


def test_a_sandbox_runs_from_its_environment(
    sandbox: "DynamoDBClient", redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load("stream_relay")
    module.handler({"wake": "schedule"}, RelayContext())
    (line,) = lines(capsys.readouterr().out)
    assert (line["level"], line["outcome"], line["epoch"]) == ("INFO", "unheard", 0)
    module.handler({"wake": "subscription"}, RelayContext(8_200))
    counts, line = lines(capsys.readouterr().out)
    assert (counts["line"], counts["events"]) == ("counts", 0)
    assert (line["outcome"], line["cause"], line["epoch"]) == ("served", "deadline", 1)
    item = sandbox.get_item(TableName="stream", Key={"id": {"S": "relay#stocks#0"}})["Item"]
    assert (item["epoch"], item["expires"], item["version"]) == ({"N": "1"}, {"N": "0"}, {"S": "7"})
    with redis.client() as client:
        assert client.hget("dekr:{stream}:relay", "epoch") == "1"
