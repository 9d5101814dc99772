"""All timestamps of one answer have the same number of digits, whatever moments the upstream sent."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.world import World

SECOND_NS = 10**9
FRACTIONS = [0, 120_000_000, 120_500, 12]


def _moments(world: World) -> list[int]:
    """Moments of the last minute: a whole second, one with milliseconds, with microseconds, with nanoseconds."""
    whole = world.services.now_us() // 10**6 * SECOND_NS - 60 * SECOND_NS
    return [whole + fraction for fraction in FRACTIONS]


def _read(texts: list[str], moments: list[int]) -> None:
    assert len({len(text) for text in texts}) == 1, texts
    for text, ns in zip(texts, moments, strict=True):
        assert datetime.fromisoformat(text).timestamp() == pytest.approx(ns / SECOND_NS, abs=1e-6)


def test_quotes_of_a_batch(world: World) -> None:
    names, moments = ["AAPL", "MSFT", "TSLA", "SPY"], _moments(world)
    items = [
        {"ticker": name, "last_quote": {"bid": 1.5, "ask": 1.75, "last_updated": ns}}
        for name, ns in zip(names, moments, strict=True)
    ]
    world.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "results": items})
    found = world.post("/quotes/batch", world.key(), names).json
    _read([found[name]["timestamp"] for name in names], moments)


@pytest.mark.parametrize("ns", range(4))
def test_a_snapshot(world: World, ns: int) -> None:
    updated, started = _moments(world)[ns], _moments(world)[0]
    item = {"ticker": "AAPL", "min": {"c": 1.5, "t": started // 10**6}, "updated": updated}
    world.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "ticker": item})
    found = world.get("/snapshot/AAPL", world.key()).json
    _read([found["timestamp"], found["last_minute"]["timestamp"]], [updated, started])


@pytest.mark.parametrize(
    "texts",
    [
        ["2026-11-20T14:00:00Z", "2026-11-20T13:59:59Z"],
        ["2026-11-20T14:00:00.5Z", "2026-11-20T13:59:59Z"],
        ["2026-11-20T14:00:00+00:00", "2026-11-20T08:59:59.123456-05:00"],
    ],
)
def test_news(world: World, texts: list[str]) -> None:
    articles: list[dict[str, Any]] = [
        {"id": text, "published_utc": text, "title": "t", "article_url": "u", "tickers": ["AAPL"]} for text in texts
    ]
    world.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "results": articles})
    found = [
        article["published_at"] for article in world.get("/news?symbol=AAPL&limit=20", world.key()).json["articles"]
    ]
    _read(found, [round(datetime.fromisoformat(text).timestamp() * SECOND_NS) for text in texts])
    assert all(text.endswith("Z") for text in found)
