"""The one line that every request and run writes: its log record and, in CloudWatch's embedded format, its metrics.

One line is the cheap way to be observable on the hit path. It never holds a key, a credential, the query of a URL or a value that
the upstream sent. docs/architecture.md says how to read it ("Why was this answered so?").
The format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from pydantic_core import to_json

NAMESPACE: Final = "Dekr/MarketData"

METRICS: Final = (
    ("requests", "Count"),
    ("hits", "Count"),
    ("stale", "Count"),
    ("errors", "Count"),
    ("upstream_calls", "Count"),
    ("calendar_unknown", "Count"),
    ("duration_ms", "Milliseconds"),
    ("upstream_ms", "Milliseconds"),
)


class Level(StrEnum):
    """The level of a line."""

    INFO = "INFO"
    """All is well, or the caller made a mistake."""
    WARNING = "WARNING"
    """There is an answer, but something failed on the way: it is stale or partial, or another way had to be taken."""
    ERROR = "ERROR"
    """The service could not answer (5xx), or a run ended by an error."""


_DIRECTIVE: Final = json.dumps(
    [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [["service"], ["service", "route"], ["service", "tier"]],
            "Metrics": [{"Name": name, "Unit": unit} for name, unit in METRICS],
        }
    ],
    separators=(",", ":"),
)


class RequestLine:
    """Writes the lines of one function's requests to standard output, which Lambda hands to CloudWatch. ``wall_s`` is the clock
    (seconds since the epoch).
    """

    def __init__(self, service: str, wall_s: Callable[[], float] = time.time) -> None:
        self._heads = {
            level: f',"CloudWatchMetrics":{_DIRECTIVE}}},"level":"{level}","service":"{service}",' for level in Level
        }
        self._wall_s = wall_s
        self._cold = True

    def emit(self, facts: dict[str, Any], level: Level = Level.INFO) -> None:
        """Write the line of one request; ``facts`` holds the metrics by name and whatever else is worth knowing."""
        facts["cold_start"], self._cold = self._cold, False
        stamp = int(self._wall_s() * 1000)
        # pydantic's writer takes a quarter of the time that Python's own does.
        sys.stdout.write(f'{{"_aws":{{"Timestamp":{stamp}{self._heads[level]}{to_json(facts).decode()[1:]}\n')


def emit(
    service: str,
    wall_us: int,
    facts: Mapping[str, Any],
    level: Level = Level.INFO,
    *,
    counts: Sequence[str] = (),
    by: str | None = None,
) -> None:
    """Write the one line of a run that no HTTP request started: its log record and its metrics.

    ``wall_us``: the time in microseconds since the epoch. ``counts``: the names of the facts that are metrics, for the service
    and for each value of the fact ``by``.
    """
    line: dict[str, Any] = {}
    if counts:
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [["service"], ["service", by]] if by else [["service"]],
            "Metrics": [{"Name": name, "Unit": "Count"} for name in counts],
        }
        line["_aws"] = {"Timestamp": wall_us // 1000, "CloudWatchMetrics": [directive]}
    line |= {"level": level, "service": service, **facts}
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
