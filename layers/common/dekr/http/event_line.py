"""The one line of a run that no HTTP request started: its log record and its metrics (see dekr.http.record)."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

NAMESPACE = "Dekr/MarketData"


def emit(
    service: str, wall_us: int, facts: Mapping[str, Any], counts: Sequence[str] = (), by: str | None = None
) -> None:
    """Write the line to standard output. ``counts``: which of the facts are metrics, for the service and for each value of
    ``by``.
    """
    line: dict[str, Any] = {}
    if counts:
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [["service"], ["service", by]] if by else [["service"]],
            "Metrics": [{"Name": name, "Unit": "Count"} for name in counts],
        }
        line["_aws"] = {"Timestamp": wall_us // 1000, "CloudWatchMetrics": [directive]}
    line |= {"level": "WARNING" if facts.get("error") else "INFO", "service": service, **facts}
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
