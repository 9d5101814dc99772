"""Answers that the simulated market gives without the service in between, and faults ordered of it."""

from typing import Any

from tests.markets import Market


def upstream_answer(market: Market, path: str, /, **parameters: Any) -> Any:
    """Return the upstream's own answer, without counting it as a call of the service."""
    before = market.sandbox.calls.copy()
    response = market.upstream.get(path, params=parameters or None)
    assert response.status_code == 200, response.text
    market.sandbox.calls.clear()
    market.sandbox.calls.update(before)
    return response.json()


def pages(market: Market, path: str, /, **parameters: Any) -> list[dict[str, Any]]:
    """Return the results of all pages of an upstream list."""
    answer = upstream_answer(market, path, **parameters)
    found: list[dict[str, Any]] = answer.get("results", [])
    while "next_url" in answer:
        answer = upstream_answer(market, answer["next_url"])
        found += answer["results"]
    return found


def fails(market: Market, kind: str = "500_html", match: str = "/", **fields: Any) -> None:
    """Let every upstream call whose path matches fail in this way from now on."""
    market.upstream.post("/_control/faults", json={"kind": kind, "match": match, **fields}).raise_for_status()


def recovers(market: Market) -> None:
    """End all faults of the upstream."""
    market.upstream.delete("/_control/faults").raise_for_status()
