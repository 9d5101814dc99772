"""The market of the default seed never changes: tests, recorded runs and documents rely on its figures."""

import json
from datetime import datetime
from hashlib import blake2b

import pytest

from local.sandbox import snapshots
from local.sandbox.closures import Closures
from local.sandbox.plans import ADVANCED
from local.sandbox.state import SEED
from local.sandbox.universe import tickers
from local.sandbox.view import View

SOME = ",".join((*tickers()[:40], *tickers()[40::250]))

FRIDAY = "2026-11-20T15:00:37Z"


@pytest.mark.parametrize(
    ("moment", "market", "universal"),
    [
        ("2026-11-20T08:30:00Z", "feea28b7de74", "05d25357f21a"),
        ("2026-11-20T09:00:01Z", "d6842bd7bd83", "53ea021aa45a"),
        ("2026-11-20T15:00:00Z", "a2ad9d38aa34", "a7d6e0763422"),
        (FRIDAY, "113095864472", "ed3f286c3f58"),
        ("2026-11-20T15:01:02Z", "0415cb71dd91", "22e7cde7de9f"),
        ("2026-11-20T16:44:59Z", "3fe16c0ed3a8", "9e8f5598e192"),
        ("2026-11-21T07:00:00Z", "84e1812bab3b", "1dcbe8e94490"),
        ("2024-06-10T09:00:01Z", "bba54eac98b8", "b78519712114"),
        ("2024-11-29T18:30:30Z", "c17415dcfbd3", "7ebbf886a53f"),
    ],
)
def test_snapshots_are_what_they_always_were(moment: str, market: str, universal: str) -> None:
    view = at(moment)
    assert digest(snapshots.several(view, {}, {"tickers": SOME})["tickers"]) == market
    assert digest(snapshots.universal(view, {}, {"ticker.any_of": SOME, "limit": "250"})["results"]) == universal


def at(moment: str) -> View:
    now_us = int(datetime.fromisoformat(moment).timestamp()) * 1_000_000
    return View(SEED, ADVANCED, now_us, "request", "http://sandbox.example", Closures())


def digest(found: object) -> str:
    return blake2b(json.dumps(found).encode(), digest_size=6).hexdigest()


def test_one_of_them_in_full() -> None:
    assert snapshots.one(at(FRIDAY), {"ticker": "AAPL"}, {})["ticker"] == {
        "ticker": "AAPL",
        "todaysChange": 0,
        "todaysChangePerc": 0.0,
        "updated": 1795186836429779052,
        "day": {"o": 32.28, "h": 32.99, "l": 32.14, "c": 32.19, "v": 4943226, "vw": 32.1665},
        "min": {
            "av": 4943226,
            "t": 1795186800000,
            "n": 918,
            "o": 32.15,
            "h": 32.41,
            "l": 32.15,
            "c": 32.19,
            "v": 110389,
            "vw": 32.3965,
        },
        "prevDay": {"o": 32.63, "h": 32.73, "l": 31.7, "c": 32.19, "v": 18814023, "vw": 32.3125},
        "lastQuote": {"P": 32.2, "S": 8, "p": 32.18, "s": 21, "t": 1795186836429779052},
        "lastTrade": {"c": [12, 37], "i": "834926773", "p": 32.19, "s": 95, "t": 1795186834926773071, "x": 4},
    }
