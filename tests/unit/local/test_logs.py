"""`make logs`: every line of a request once, in short, with its ticker and its id."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import boto3
import pytest
from moto import mock_aws

from dekr.http.edge.log import Level, RequestLine, emit
from local.logs import LogReader, follow, shown

AT_MS = 1_795_186_800_000
FACTS = {"status": 200, "outcome": "hit", "duration_ms": 1.25, "route": "GET /quote/{symbol}", "ticker": "AAPL"}
FACTS |= {"request_id": "request-1", "user": "demo", "tier": "5", "upstream_calls": 0}


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """CloudWatch Logs with two empty groups, quote and bars."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("logs")
        for group in ("quote", "bars"):
            client.create_log_group(logGroupName=group)
            client.create_log_stream(logGroupName=group, logStreamName="sandbox")
        yield client


def put(client: Any, group: str, at_ms: int, message: str) -> None:
    event: Any = {"timestamp": at_ms, "message": message}
    client.put_log_events(logGroupName=group, logStreamName="sandbox", logEvents=[event])


def test_a_request_is_one_short_line(capsys: pytest.CaptureFixture[str]) -> None:
    RequestLine("quote", lambda: AT_MS / 1000).emit(dict(FACTS), Level.INFO)
    text = shown(capsys.readouterr().out) or ""
    for part in (
        "15:00:00Z",
        "INFO",
        "200",
        "hit",
        "1.2 ms",
        "GET /quote/{symbol}",
        "AAPL",
        "request_id=request-1",
        "user=demo",
    ):
        assert part in text
    assert "_aws" not in text


def test_why_it_failed_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    RequestLine("quote", lambda: 0.0).emit(
        FACTS | {"status": 503, "error": "store_unavailable", "fault": "x"}, Level.ERROR
    )
    assert (shown(capsys.readouterr().out) or "").endswith("error=store_unavailable  fault=x")


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (
            {"event": "MESSAGE", "action": "subscribe", "connection": "L0SM=", "user": None, "outcome": "parked"}
            | {"posts": 0, "gone": False, "stream_messages": 1},
            ["event=MESSAGE", "action=subscribe", "connection=L0SM=", "outcome=parked"],
        ),
        (
            {
                "line": "counts",
                "events": 3,
                "dropped": 0,
                "edges": {"garbage": 0, "expelled": 2},
                "more": {"repeated": 0},
            },
            ["line=counts", "events=3", "edges=expelled:2"],
        ),
        ({"line": "run", "outcome": "served", "cause": "idle"}, ["line=run", "outcome=served", "cause=idle"]),
    ],
)
def test_what_a_stream_does_is_one_short_line(
    capsys: pytest.CaptureFixture[str], facts: dict[str, object], told: list[str]
) -> None:
    emit("stream-any", AT_MS * 1000, facts, counts=["stream_messages"])
    assert (shown(capsys.readouterr().out) or "").split() == ["15:00:00Z", "INFO", "stream-any", *told]


def test_a_run_of_the_relay_is_shown_unless_it_had_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    for outcome, level in [("held", Level.INFO), ("unheard", Level.INFO), ("failed", Level.ERROR)]:
        emit("stream-relay", AT_MS * 1000, {"line": "run", "outcome": outcome}, level)
    lines = [shown(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == [None, None]
    assert (lines[2] or "").split() == ["ERROR", "stream-relay", "line=run", "outcome=failed"]


@pytest.mark.parametrize(
    ("line", "is_shown"),
    [
        ("START RequestId: 1 Version: 1", False),
        ("[]", False),
        ('{"type":"platform.report"}', False),
        ('{"level":"ERROR","service":"quote","message":"unexpected","exception":"ZeroDivisionError"}', True),
        ('{"level":"ERROR","service":"stream-connect","message":"unexpected","connection":"L0SM="}', True),
        ('{"level":"INFO","service":"warmer","task":"open","done":1}', True),
        ('{"level":"INFO","service":"preferences","event_id":"1"}', True),
    ],
)
def test_runs_and_unexpected_errors_are_shown_as_they_are(line: str, is_shown: bool) -> None:
    assert shown(line) == (line if is_shown else None)


def test_lines_of_all_functions_come_in_order_and_once(logs: Any) -> None:
    reader = LogReader(logs, ["quote", "bars"])
    put(logs, "quote", AT_MS + 2, "third\n")
    put(logs, "bars", AT_MS + 1, "second")
    put(logs, "quote", AT_MS - 1, "too old")
    put(logs, "bars", AT_MS, "first")
    assert reader.read(AT_MS) == ["first", "second", "third"]
    put(logs, "bars", AT_MS + 1, "late")
    assert reader.read(AT_MS) == ["late"]
    assert reader.read(AT_MS) == []


def test_it_follows(logs: Any) -> None:
    now = {"ms": AT_MS}
    waits: list[float] = []

    def line(number: int) -> str:
        return json.dumps({"level": "INFO", "service": "warmer", "task": "open", "done": number})

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now["ms"] += int(seconds * 1000)
        put(logs, "quote", now["ms"], line(len(waits)))

    put(logs, "bars", AT_MS - 60_000, line(0))
    found = follow(LogReader(logs, ["quote", "bars"]), lambda: now["ms"], sleep)
    assert list(islice(found, 30)) == [line(number) for number in range(30)]
