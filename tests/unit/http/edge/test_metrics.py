"""The metrics that a deployed stack can make: whose they are, how many, and that CloudWatch takes them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dekr.http.edge.log import DIMENSIONS, METRICS, RequestLine, emit
from dekr.http.edge.request import RequestState
from dekr.stream.conversation.turn import METRICS as CONVERSATION_METRICS
from dekr.stream.delivery.stats import METRICS as RELAY_METRICS
from dekr.tiers import Tier
from functions.stream_relay.app import RUN_METRICS
from functions.warmer.app import METRICS as WARMER_METRICS
from tests.template import functions, template
from tests.world import Context, event

ROOT = Path(__file__).parents[4]
MAX_METRICS = 200
"""At 0.30 dollars a month each (https://aws.amazon.com/cloudwatch/pricing/): 60 dollars."""


OTHERS = {
    "warmer": WARMER_METRICS,
    "stream-connect": CONVERSATION_METRICS,
    "stream-relay": (*RELAY_METRICS, *RUN_METRICS),
}
"""The services that answer no HTTP request, and the metrics that each makes."""


def directive_of(line: dict[str, Any]) -> dict[str, Any]:
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    found: dict[str, Any] = directive
    return found


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The lines of a request and of a run of the stack some-stack."""
    monkeypatch.setenv("METRICS_NAMESPACE", "Dekr/some-stack")
    request = RequestState.from_event(event("/quote/AAPL", {}), Context())
    RequestLine("quote", lambda: 0.0).emit(request.log_facts(401, 0.001))
    emit("warmer", 0, dict.fromkeys(WARMER_METRICS, 0), counts=WARMER_METRICS)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_metrics_of_a_stack_are_its_own(written: list[dict[str, Any]]) -> None:
    assert [directive_of(line)["Namespace"] for line in written] == ["Dekr/some-stack"] * 2
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["METRICS_NAMESPACE"] == {"Fn::Sub": "Dekr/${AWS::StackName}"}


def test_every_metric_and_dimension_that_a_directive_names_is_in_the_line(written: list[dict[str, Any]]) -> None:
    for line in written:
        directive = directive_of(line)
        for metric in directive["Metrics"]:
            assert isinstance(line[metric["Name"]], int | float), metric
        for dimension in {name for names in directive["Dimensions"] for name in names}:
            assert isinstance(line[dimension], str), dimension


def test_a_stack_makes_no_more_metrics_than_it_may_cost() -> None:
    services = {each["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] for each in functions().values()}
    values = {"service": len(services - set(OTHERS)), "tier": len([*Tier, "none"])}
    by_requests = sum(len(METRICS) * values[name] for (name,) in DIMENSIONS)
    assert by_requests + sum(len(metrics) for metrics in OTHERS.values()) <= MAX_METRICS


def test_nothing_else_makes_metrics() -> None:
    sources = [*ROOT.glob("functions/*/*.py"), *ROOT.glob("layers/common/dekr/**/*.py")]
    makers = {path.parent.name for path in sources if re.search("CloudWatchMetrics|counts=", path.read_text())}
    assert makers == {"edge", *(service.replace("-", "_") for service in OTHERS)}
    assert "AWS::Logs::MetricFilter" not in (ROOT / "template.yaml").read_text()
