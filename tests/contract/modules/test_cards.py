"""Cards show quotes and day bars of many symbols side by side."""

import pytest

from dekr.models.bars import Bar
from dekr.models.quotes import FailedSymbol, Quote
from dekr.tiers import Tier
from local.sandbox.universe import tickers
from tests.contract.modules.conftest import NIGHT, Module
from tests.shapes import shaped

DAYS = "/market-data/{}?timespan=day&limit=5"


@pytest.mark.parametrize("tier", list(Tier))
def test_a_board_of_the_tiers_size(module: Module, tier: Tier) -> None:
    user = module.user("ann", tier)
    symbols = list(tickers()[: tier.policy.batch])
    found = module.quotes(user, symbols)
    assert list(found) == symbols
    assert all(found[symbol]["bid"] <= found[symbol]["ask"] for symbol in symbols)
    assert module.market.calls == 1
    assert module.quotes(user, symbols) == found
    assert module.market.calls == 1


def test_a_card_that_fails_leaves_the_others_alone(module: Module) -> None:
    user = module.user("ann", 5)
    symbols = ["AAPL", "QQQQQ", "MSFT", "???", "NVDA"]
    answer = module.market.world.post("/quotes/batch", module.key, symbols, headers={"x-dekr-user": user})
    found = shaped(dict[str, Quote | FailedSymbol], answer)
    assert list(found) == symbols
    assert [found[symbol]["error"]["code"] for symbol in ("QQQQQ", "???")] == ["unknown_symbol", "invalid_symbol"]
    assert all(found[symbol]["bid"] for symbol in ("AAPL", "MSFT", "NVDA"))
    assert all(found[symbol]["symbol"] == symbol for symbol in symbols)


def test_a_card_agrees_with_its_bars(module: Module) -> None:
    module.market.to(NIGHT)
    user = module.user("ann", 5)
    symbols = list(tickers()[:20])
    quotes = module.quotes(user, symbols)
    for symbol in symbols:
        bars = shaped(list[Bar], module.get(DAYS.format(symbol), user))
        assert [bar["timestamp"][:10] for bar in bars] == [f"2026-11-{day}" for day in (16, 17, 18, 19, 20)]
        snapshot = module.get(f"/snapshot/{symbol}", user).json
        assert snapshot["day"]["close"] == bars[-1]["close"]
        assert snapshot["previous_day"]["close"] == bars[-2]["close"]
        assert quotes[symbol]["bid"] == pytest.approx(bars[-1]["close"], rel=0.02)


def test_reading_the_board_again_costs_only_what_has_aged(module: Module) -> None:
    user = module.user("ann", 6)
    symbols = list(tickers()[:50])
    module.quotes(user, symbols)
    for symbol in symbols:
        module.get(DAYS.format(symbol), user)
    calls = module.market.calls
    module.market.later(61)
    module.quotes(user, symbols)
    assert module.market.calls == calls + 1
    for symbol in symbols:
        module.get(DAYS.format(symbol), user)
    assert module.market.calls == calls + 1
