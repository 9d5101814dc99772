"""Preferences preload a user's watchlist, so that what the user opens next is there."""

from tests.contract.modules.conftest import Module

WATCHLIST = ["AAPL", "MSFT", "NVDA", "TSLA", "SPY", "BRK.B", "F", "KO", "JPM", "DIS"]
DAYS = "/market-data/{}?timespan=day&limit=30"


def test_a_preloaded_watchlist_is_read_without_a_call(module: Module) -> None:
    user = module.user("ann", 4)
    assert set(module.quotes(user, WATCHLIST)) == set(WATCHLIST)
    for symbol in WATCHLIST:
        module.get(DAYS.format(symbol), user)
    calls = module.market.calls
    assert calls <= 1 + len(WATCHLIST)

    module.market.later(120)
    for symbol in WATCHLIST:
        quote = module.get(f"/quote/{symbol}", user)
        assert quote.headers["Cache-Status"].startswith("dekr; hit")
        assert 120 <= int(quote.headers["Age"]) < 300
        bars = module.get(DAYS.format(symbol), user)
        assert bars.headers["Cache-Status"].startswith("dekr; hit")
        assert len(bars.json) == 30
    assert module.market.calls == calls


def test_one_users_preload_serves_all_others_as_far_as_their_tier_allows(module: Module) -> None:
    module.market.begin()
    ann, ben, eve = module.user("ann", 1), module.user("ben", 6), module.user("eve", 7)
    module.quotes(ann, WATCHLIST)
    module.market.later(45)
    assert module.get("/quote/AAPL", ben).headers["Cache-Status"].startswith("dekr; hit")
    assert module.market.calls == 1
    assert module.get("/quote/AAPL", eve).headers["Cache-Status"] == "dekr; fwd=miss; stored"
    assert module.market.calls == 2


def test_the_preload_counts_against_the_user_and_not_the_module(module: Module) -> None:
    user = module.user("ann", 2)
    module.quotes(user, WATCHLIST)
    used = module.get("/usage", user).json
    assert (used["user"], used["tier"], used["used"]) == ("ann", 2, 1)
    assert used["classes"]["batch"] == {"data": 10, "fetched": 10, "upstream_calls": 1}
    assert module.get("/usage", "module").json["used"] == 0
