"""The commands that look at a deployed stack, on the local cloud: the smoke test, and the lines of requests."""

import json
from collections.abc import Iterator

from local.account.smoke import smoke
from local.logs import SHOWN_MS, LogReader, follow, function_log_groups
from local.stack.cloud import Cloud
from local.stack.deploy import STACK
from local.stack.folder import ROOT
from tests.e2e.stacks import LocalCloud


def test_the_smoke_test_finds_every_route_of_the_template(cloud: LocalCloud) -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    assert smoke(cloud.http) == sum(len(operations) for operations in document["paths"].values())


def test_a_request_is_shown_with_its_ticker_and_its_id(cloud: LocalCloud) -> None:
    sent = cloud.get("/quote/AAPL").headers["x-request-id"]
    aws = Cloud(cloud.said["aws"])
    reader = LogReader(aws.client("logs"), function_log_groups(aws.client("cloudformation"), STACK))

    def lines() -> Iterator[str]:
        # Time stands at the beginning, so all lines are read, however slow this machine is.
        return follow(reader, lambda: SHOWN_MS, lambda _: None)

    (line,) = next([text] for text in lines() if f"request_id={sent}" in text)
    assert "  GET /quote/{symbol}  AAPL  " in line
