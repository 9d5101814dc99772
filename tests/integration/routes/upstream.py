"""What the simulated market itself says, asked past the service; and faults ordered of it."""

from typing import Any

from tests.markets import Market


def asked(market: Market, path: str, /, **parameters: Any) -> Any:
    """The upstream's own answer, which does not count as a call of the service."""
    before = market.sandbox.calls.copy()
    response = market.upstream.get(path, params=parameters or None)
    assert response.status_code == 200, response.text
    market.sandbox.calls.clear()
    market.sandbox.calls.update(before)
    return response.json()


def pages(market: Market, path: str, /, **parameters: Any) -> list[dict[str, Any]]:
    """All results of the upstream's pages."""
    answer = asked(market, path, **parameters)
    found: list[dict[str, Any]] = answer.get("results", [])
    while "next_url" in answer:
        answer = asked(market, answer["next_url"])
        found += answer["results"]
    return found


def fails(market: Market, kind: str = "500_html", match: str = "/", **fields: Any) -> None:
    """From now on the upstream fails in this way."""
    market.upstream.post("/_control/faults", json={"kind": kind, "match": match, **fields}).raise_for_status()


def recovers(market: Market) -> None:
    """From now on it does not."""
    market.upstream.delete("/_control/faults").raise_for_status()
