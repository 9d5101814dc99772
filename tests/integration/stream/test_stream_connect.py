"""The function of the stream's socket: its recorded events, its answers and its lines of log."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from dekr.store.link import Link
from dekr.stream.conversation.turn import METRICS
from dekr.wiring import Services
from tests.fakes.aws_http import ENVIRONMENT, fake_aws
from tests.fakes.directory import FakeDirectory
from tests.integration.stream.gateways import ID, Gateway
from tests.integration.stream.registries import pairs
from tests.template import template
from tests.world import Context, World, load

EVENTS: Final = sorted((Path(__file__).parents[3] / "events").glob("stream_connect-*.json"))
KEY: Final = "dk_local_replaced-by-the-tests"


def recorded(name: str, key: str = "") -> dict[str, Any]:
    path = next(path for path in EVENTS if path.stem == f"stream_connect-{name}")
    event: dict[str, Any] = json.loads(path.read_text().replace(KEY, key))
    return event


def set_wire(module: ModuleType, wire: Callable[[], Services]) -> None:
    module.__dict__["wire"] = wire


@pytest.fixture
def function(gateway: Gateway) -> ModuleType:
    module = load("stream_connect")
    set_wire(module, lambda: gateway.world.services)
    return module


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_route_has_exactly_one_event() -> None:
    routes = [json.loads(path.read_text()).get("requestContext", {}).get("routeKey") for path in EVENTS]
    named = template()["Resources"]["StreamApi"]["Properties"]["Routes"]
    assert sorted(route for route in routes if route) == sorted(named)
    assert routes.count(None) == 1, "that of the function to itself"


def test_the_recorded_events_are_a_conversation(
    function: ModuleType, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["connect", "greeting", "auth", "subscribe", "unsubscribe", "resume", "ping", "default", "disconnect"]
    assert sorted(names) == sorted(path.stem.partition("-")[2] for path in EVENTS)
    gateway.connections.open(ID)
    for name in names:
        assert function.handler(recorded(name, gateway.key()), Context()) == {"statusCode": 200}
        if name == "unsubscribe":
            assert pairs(gateway.registry, ID) == {"Q.MSFT"}

    assert gateway.connections.statuses(ID) == ["connected", "auth_success", "success", "error"]
    assert gateway.registry.counts().sockets == 0
    written = lines(capsys)
    assert [line["outcome"] for line in written] == [*["done"] * 7, "refused", "done"]
    for line in written:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert [metric["Name"] for metric in directive["Metrics"]] == list(METRICS)
        assert set(METRICS) <= set(line)
        assert (line["service"], line["connection"], line["level"]) == ("stream-connect", ID, "INFO")
    assert [line["action"] for line in written if line["event"] == "MESSAGE"] == [*names[2:7], None]
    assert sum(line["stream_messages"] for line in written) == 6


def test_the_log_holds_no_credential_and_nothing_that_a_client_made_up(
    function: ModuleType, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.connections.open(ID)
    key = gateway.key()
    ticket = recorded("connect") | {"queryStringParameters": {"ticket": "PLANTED"}}
    function.handler(ticket, Context())
    function.handler(recorded("connect"), Context())
    for body in (
        {"action": "auth", "params": key + "PLANTED"},
        {"action": "PLANTED", "params": "PLANTED"},
        {"action": "subscribe", "params": "PLANTED", "since": "PLANTED"},
    ):
        function.handler(recorded("auth") | {"body": json.dumps(body)}, Context())
    text = capsys.readouterr().out
    assert text.count("\n") == 5
    assert "PLANTED" not in text and key not in text and "dk_" not in text


def test_a_refused_connection_gets_429(function: ModuleType, gateway: Gateway) -> None:
    gateway.leave()
    assert function.handler(recorded("connect"), Context()) == {"statusCode": 429}


def fail() -> Services:
    raise OSError


@pytest.mark.parametrize(("event", "status"), [("connect", 500), ("auth", 200), ("disconnect", 200), ("greeting", 200)])
def test_a_failure_of_the_wiring_is_logged_and_not_raised(
    function: ModuleType, caplog: pytest.LogCaptureFixture, event: str, status: int
) -> None:
    set_wire(function, fail)
    assert function.handler(recorded(event), Context()) == {"statusCode": status}
    assert [(record.levelname, record.message) for record in caplog.records] == [("ERROR", "unexpected")]
    assert "OSError" in caplog.text


@pytest.mark.parametrize("event", [{}, {"requestContext": {}}, {"greet": ID}, {"task": "audit"}])
def test_what_is_no_event_of_a_connection_is_logged_and_not_raised(
    function: ModuleType, caplog: pytest.LogCaptureFixture, event: dict[str, Any]
) -> None:
    assert function.handler(event, Context()) == {"statusCode": 200}
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_an_error_that_nobody_expected_is_logged_with_its_traceback(
    function: ModuleType, gateway: Gateway, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    gateway.sign_in()
    object.__setattr__(gateway.conversation.sign_in, "wake", fail)

    assert function.handler(recorded("subscribe"), Context()) == {"statusCode": 200}

    assert "in settle" in caplog.text
    line = lines(capsys)[-1]
    assert (line["level"], line["outcome"], line["error"]) == ("ERROR", "failed", "internal_error")
    assert line["causes"] == ["OSError"]
    assert line["stream_failures"] == 1


def test_a_relay_that_cannot_be_started_is_in_the_line(
    function: ModuleType, gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.sign_in()
    services = gateway.world.services
    object.__setattr__(
        gateway.conversation.sign_in, "wake", lambda: services.passed_over.note(OSError("not in the log"))
    )

    function.handler(recorded("subscribe"), Context())

    (line,) = lines(capsys)
    assert (line["level"], line["outcome"], line["passed_over"]) == ("WARNING", "done", ["OSError"])


def test_the_function_has_itself_run_and_posts_through_aws(
    link: Link, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake_aws() as aws:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": aws.url}.items():
            monkeypatch.setenv(name, value)
        settings = World(link).services.settings.model_copy(
            update={"stream_endpoint": f"{aws.url}/stocks", "stream_connect": "dekr-stream-connect:live"}
        )
        services = Services(settings, link, FakeDirectory, lambda _: pytest.fail("nothing is fetched"))
        module = load("stream_connect")
        set_wire(module, lambda: services)

        assert module.handler(recorded("connect"), Context()) == {"statusCode": 200}
        aws.connections.open(ID)
        (invocation,) = aws.invocations
        assert (invocation.function, invocation.qualifier) == ("dekr-stream-connect", "live")
        assert invocation.event == recorded("greeting")
        assert module.handler(invocation.event, Context()) == {"statusCode": 200}
        services.connections.close(ID)
        services._aws.client.close()

        assert aws.connections.statuses(ID) == ["connected"]
        assert aws.requests == [
            "POST /2015-03-31/functions/dekr-stream-connect/invocations?Qualifier=live",
            "POST /stocks/%40connections/L0SM9cOFvHcCIhw%3D",
            "DELETE /stocks/%40connections/L0SM9cOFvHcCIhw%3D",
        ]
        assert [line["level"] for line in lines(capsys)] == ["INFO", "INFO"]
