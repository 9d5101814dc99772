"""The quote, trade and bars that are read from a universal snapshot."""

from typing import Any

import pytest

from dekr.polygon.latest import Snapshot, snapshot_from_v3
from dekr.polygon.wire_snapshots import UniversalItem

NS = 1_795_186_800_000_000_000


def snapshot(**fields: Any) -> Snapshot:
    sent = {"ticker": "AAPL", **fields}
    return snapshot_from_v3(UniversalItem.model_validate(sent), sent, delayed=False)


def test_a_delayed_trade_alone_makes_a_snapshot_delayed() -> None:
    assert snapshot(last_trade={"price": 1.5, "last_updated": NS, "timeframe": "DELAYED"}).delayed
    assert not snapshot(last_trade={"price": 1.5, "last_updated": NS, "timeframe": "REAL-TIME"}).delayed


@pytest.mark.parametrize("error", ["", None])
def test_an_item_with_data_and_an_empty_error_has_data(error: str | None) -> None:
    found = snapshot(error=error, message="", last_quote={"bid": 1.5, "ask": 1.75, "last_updated": NS})
    assert found.error is None
    assert found.quote is not None


def test_an_item_without_data_says_why() -> None:
    assert snapshot(error="NOT_FOUND", message="Ticker not found.").error == "NOT_FOUND"


def test_a_side_that_nobody_quotes_is_left_out() -> None:
    found = snapshot(last_quote={"bid": 1.5, "bid_size": 2, "last_updated": NS}).quote
    assert found is not None
    assert found.fields == {"p": 1.5, "s": 2, "t": NS}


@pytest.mark.parametrize("trade", [{"price": 0, "last_updated": NS}, {}, None])
def test_no_trade_yet_is_no_trade(trade: object) -> None:
    assert snapshot(last_trade=trade).trade is None
