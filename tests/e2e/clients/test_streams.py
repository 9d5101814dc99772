"""Clients of Polygon's streams that know nothing of this service, on the local cloud: only the address and the key are ours."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.e2e.listening import Listening, foreign, javascript, listening, vendor
from tests.e2e.stacks import LocalCloud
from tests.patience import HANG_S

PAIRS: Final = "T.TEST,Q.TEST"

type Run = Callable[[int], AbstractContextManager[Listening]]
"""Runs a client with the key of a tier."""


def command(client: str, url: str, key: str) -> list[str | Path]:
    match client:
        case "javascript":
            return javascript(url, key, PAIRS)
        case "foreign":
            return foreign(url, key, "TEST")
        case package:
            return vendor(sys.executable, package, url, key, PAIRS)


RECONNECTING: Final = ("massive", "polygon", "javascript")
CLIENTS: Final = (*RECONNECTING, "foreign")


@pytest.fixture
def run(cloud: LocalCloud, client: str) -> Run:
    return lambda tier: listening(*command(client, cloud.said["ws"], cloud.said["api_keys"][str(tier)]))


def kinds(items: list[dict[str, object]]) -> set[object]:
    """The kinds of events among items, whichever names the client gives its fields."""
    return {item.get("ev", item.get("event_type")) for item in items} - {"status"}


@pytest.mark.parametrize("client", CLIENTS)
def test_it_gets_trades_and_quotes(run: Run) -> None:
    with run(5) as client:
        client.until(lambda items: kinds(items) == {"T", "Q"}, "trades and quotes")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_lower_tier_is_refused_with_the_tier_that_it_needs(run: Run, client: str) -> None:
    with run(4) as refused:
        if client in ("massive", "polygon"):
            refused.until_noise("tier 5")
        else:
            refused.until(lambda items: any("tier 5" in str(item.get("message")) for item in items), "refusal")
        assert not kinds(refused.items)


@pytest.mark.parametrize("client", RECONNECTING)
def test_after_a_cut_it_comes_back_with_its_subscriptions(run: Run, cloud: LocalCloud) -> None:
    with run(5) as back:
        back.until(lambda items: kinds(items) == {"T", "Q"}, "trades and quotes")
        door = f"http://{cloud.said['ws'].split('/')[2]}"
        httpx.post(f"{door}/_control/cut", timeout=HANG_S, trust_env=False).raise_for_status()
        before = len(back.items)
        back.until(lambda items: kinds(items[before + 5 :]) == {"T", "Q"}, "trades and quotes after the cut")
