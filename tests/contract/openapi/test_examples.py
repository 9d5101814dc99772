"""The examples of the document are what the service answers, on the same market at the same moment."""

import json
from typing import Any

from local.openapi.document import TITLE
from local.openapi.examples import load
from local.openapi.routes import read
from tests.contract.openapi.example_requests import SHORTENED, admin_key, send_example
from tests.markets import Market


def shape(value: Any) -> Any:
    """Return the names and types in a value, without the figures that change with the time."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(item), sort_keys=True) for item in value})
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def test_the_service_answers_the_examples_requests_as_they_say(market: Market) -> None:
    key = admin_key(market)
    # In their order: earlier requests show in the use and in the cache.
    for route, example in load().items():
        answer = send_example(market, key, route, example)
        assert answer.status == 200, f"{route}: {answer.text[:300]}"
        if route not in SHORTENED:
            assert shape(answer.json) == shape(example.answer), f"{route}: record the examples anew"


def test_all_routes_but_the_open_ones_refuse_who_has_no_key(market: Market) -> None:
    examples = load()
    for route in read(TITLE, "0")[0]:
        for key in ("", "dk_test_not_a_key"):
            answer = send_example(market, key, route.key, examples[route.key])
            assert answer.status == (401 if route.needs_key else 200), route.key
