"""Cursors of lists stand for the first request, and their pages belong to the ticker that they are about."""

from urllib.parse import urlsplit

import pytest

from dekr.access.principal import Role
from tests.markets import Market


def _next(market: Market, path: str, key: str) -> str:
    target = urlsplit(market.world.get(path, key).json["next_url"])
    return f"{target.path}?{target.query}"


@pytest.mark.parametrize(
    ("path", "filters"),
    [
        ("/v2/reference/news?ticker=AAPL&limit=3", ("ticker=MSFT", "published_utc.gt=2026-11-01")),
        ("/v3/reference/tickers?limit=3", ("type=CS", "search=apple")),
        ("/v3/trades/AAPL?limit=3", ("timestamp=2026-11-19",)),
    ],
)
def test_no_filter_is_taken_together_with_a_cursor(market: Market, path: str, filters: tuple[str, ...]) -> None:
    key = market.world.key()
    following = _next(market, path, key)
    calls = market.calls
    for each in filters:
        answer = market.world.get(f"{following}&{each}", key)
        assert answer.status == 400
        assert answer.json["error"].startswith(f"{each.split('=')[0]}: must not be sent with a cursor")
    assert market.calls == calls
    assert market.world.get(f"{following}&limit=3", key).status == 200


def test_a_drop_takes_the_later_pages_of_a_tickers_news(market: Market) -> None:
    key, admin = market.world.key(), market.world.key(7, "op", Role.ADMIN)
    following = _next(market, "/v2/reference/news?ticker=AAPL&limit=3", key)
    market.world.get(following, key)
    assert market.world.send("DELETE", "/admin/cache/AAPL", admin).json["dropped"] == 2
    assert "fwd=miss" in market.world.get(following, key).headers["Cache-Status"]


@pytest.mark.parametrize(
    "moment", ["20251120T150000Z", "2025-W47-4T15:00:00Z", "2025-11-20T15Z", "2025-11-20T15:00:00"]
)
def test_only_rfc_3339_is_a_moment(market: Market, moment: str) -> None:
    key = market.world.key()
    assert market.world.get(f"/v2/reference/news?published_utc.gte={moment}", key).status == 400
    assert market.world.get(f"/news?published_after={moment}", key).json["field"] == "published_after"
    assert market.calls == 0


@pytest.mark.parametrize(
    "query", ["ticker=%0A", "ticker=!", "type=!!bad", "exchange=xnas", "search=%20", "search=a%00"]
)
def test_a_filter_of_tickers_that_is_none_costs_no_call(market: Market, query: str) -> None:
    answer = market.world.get(f"/v3/reference/tickers?{query}", market.world.key())
    assert answer.status == 400
    assert answer.json["error"].startswith(query.split("=", maxsplit=1)[0])
    assert market.calls == 0
