"""Requests made of the document, good ones and broken ones, find no 5xx and nothing that the document does not say."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import CheckNode

from dekr.http.edge.request import POLYGON_PATHS
from local.openapi.page import operations
from local.openapi.routes import ROOT
from tests.contract.openapi.example_requests import admin_key
from tests.contract.openapi.gateway import Gateway
from tests.markets import Market

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
TICKERS = ("path.symbol", "query.symbol", "query.ticker", "query.tickers", "query.ticker.any_of")
DAYS = ("path.first", "path.last", "query.from", "query.to", "query.timestamp.gte", "query.published_utc.lte")
CONFIG = {
    "generation": {"max-examples": 30, "deterministic": True, "with-security-parameters": False},
    "phases": {"stateful": {"enabled": False}},
    # Without them hardly any request would get past the rules of its input.
    "dictionaries": {
        "tickers": {"values": ["AAPL", "MSFT", "BRK.B", "aapl", "NOSUCH"]},
        "days": {"values": ["2016-01-01", "2026-10-30", "2026-11-19", "2026-11-20", "2027-01-04"]},
    },
    "parameters": {
        name: {"dictionary": dictionary, "probability": 0.7}
        for dictionary, names in {"tickers": TICKERS, "days": DAYS}.items()
        for name in names
    },
    "checks": {
        # Some rules are none that a schema can state: what a ticker is, that a range must not be empty.
        "positive_data_acceptance": {"enabled": False},
        # It repeats every request without a key; test_examples does so once for each route.
        "ignored_auth": {"enabled": False},
        # Besides its own list: a body with too many items may be too long, too.
        "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 413, 415, 422, 429]},
    },
}


@pytest.fixture(scope="module")
def schema(market: Market) -> schemathesis.BaseSchema:
    """The OpenAPI document, with requests sent to the service under an admin's key."""
    config = SchemathesisConfig.from_dict({**CONFIG, "headers": {"X-Api-Key": admin_key(market)}})
    found = schemathesis.openapi.from_dict(DOCUMENT, config=config)
    found.app = Gateway(market.world)
    return found


@pytest.mark.parametrize("route", [f"{method} {path}" for method, path, _ in operations(DOCUMENT)])
def test_nothing_fails_and_every_answer_is_one_of_the_document(schema: schemathesis.BaseSchema, route: str) -> None:
    method, path = route.split()
    sent, failures = 0, list[str]()
    for scenario in scenarios(schema.include(path=path, method=method)):
        sent += len(scenario.recorder.cases)
        recorder = scenario.recorder
        failures += [
            f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
            for case_id, checks in recorder.checks.items()
            for check in checks
            if check.failure_info and not read_as_polygon_does(check, recorder.cases[case_id].value)
        ]
    assert not failures, "\n\n".join(failures[:3])
    assert sent > 0


def read_as_polygon_does(check: CheckNode, case: schemathesis.Case[Any]) -> bool:
    """Whether a request against the schema was taken as Polygon takes it: a parameter without a value counts as left out."""
    polygons = case.path.startswith(POLYGON_PATHS)
    return polygons and check.name == "negative_data_rejection" and "" in (case.query or {}).values()


def scenarios(schema: schemathesis.BaseSchema) -> Iterator[events.ScenarioFinished]:
    for event in from_schema(schema).execute():
        assert not isinstance(event, events.FatalError | events.NonFatalError), event
        if isinstance(event, events.ScenarioFinished):
            yield event
