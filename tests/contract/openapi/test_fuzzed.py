"""Requests made of the document, good ones and broken ones, find no 5xx and nothing that the document does not say."""

import json
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig

from local.openapi.routes import ROOT
from tests.contract.openapi.asking import admin_key
from tests.contract.openapi.gateway import Gateway
from tests.markets import Market

TICKERS = ("path.symbol", "query.symbol", "query.ticker", "query.tickers", "query.ticker.any_of")
DAYS = ("path.first", "path.last", "query.from", "query.to", "query.timestamp.gte", "query.published_utc.lte")
CONFIG = {
    "generation": {"max-examples": 30, "deterministic": True, "with-security-parameters": False},
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
        # What no route takes, API Gateway hands to the route for the rest: that is a 404.
        "unsupported_method": {"enabled": False},
        # Some rules are none that a schema can state: what a ticker is, that a range must not be empty.
        "positive_data_acceptance": {"enabled": False},
        # It asks everything again without a key; test_examples does so once for each route.
        "ignored_auth": {"enabled": False},
    },
}
schema = schemathesis.openapi.from_dict(
    json.loads((ROOT / "docs" / "openapi.json").read_text()), config=SchemathesisConfig.from_dict(CONFIG)
)
schema.app = service = Gateway()


@pytest.fixture(scope="module")
def key(market: Market) -> str:
    service.world = market.world
    return admin_key(market)


@schema.parametrize()
def test_nothing_fails_and_every_answer_is_one_of_those_in_the_document(case: schemathesis.Case[Any], key: str) -> None:
    case.call_and_validate(headers={"X-Api-Key": key})
