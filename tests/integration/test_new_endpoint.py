"""The example of a new upstream endpoint in CONTRIBUTING.md, run as it stands there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from dekr.http import Edge
from dekr.store.link import Link
from tests.world import Answer, Context, World, event

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
ROUTE_KEY = "GET /v1/related-companies/{symbol}"
PATH = "/v1/related-companies/AAPL"


def example() -> dict[str, Any]:
    """Run the example's code and return the names that it defines."""
    section = CONTRIBUTING.read_text().split("## A new upstream endpoint")[1].split("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    defined: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, CONTRIBUTING, "exec"), defined)  # noqa: S102 - the repository's own document
    return defined


@dataclass(eq=False)
class ExtendedWorld(World):
    """The service with a function that has the example's route alone, which no template knows."""

    defined: Mapping[str, Any] = field(default_factory=example)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.edge = Edge("reference", lambda: self.services)
        self.defined["related_routes"](self.edge)

    def get(self, path: str, key: str | None = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        sent = event(path, {"x-api-key": key or "", **(headers or {})}) | {"routeKey": ROUTE_KEY}
        answer = self.edge.handler(sent, Context())
        return Answer(answer["statusCode"], answer["headers"], answer["body"])


@pytest.fixture
def extended(link: Link) -> ExtendedWorld:
    made = ExtendedWorld(link)
    made.to("2026-11-20T15:00:00Z")
    return made


def test_the_examples_own_test_passes(extended: ExtendedWorld) -> None:
    extended.defined["test_a_second_request_costs_no_call"](extended)


def test_the_answer_has_the_envelope_and_the_freshness_of_every_other(extended: ExtendedWorld) -> None:
    extended.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "results": [{"ticker": "MSFT"}]})
    found = extended.get(PATH, extended.key())
    assert (found.status, found.json["status"]) == (200, "OK")
    assert {"Age", "ETag", "Cache-Control", "RateLimit", "X-Request-Id"} <= set(found.headers)


@pytest.mark.parametrize("results", [["MSFT"], [7], {"ticker": "MSFT"}])
def test_what_is_no_list_of_objects_is_refused(extended: ExtendedWorld, results: Any) -> None:
    extended.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "results": results})
    assert extended.get(PATH, extended.key()).status == 502


def test_a_ticker_that_the_upstream_does_not_know_is_remembered(extended: ExtendedWorld) -> None:
    key = extended.key()
    assert [extended.get("/v1/related-companies/NONE", key).status for _ in range(2)] == [404, 404]
    assert len(extended.upstream.calls) == 1
