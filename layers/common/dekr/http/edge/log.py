"""The one line that every request and run writes: its log record and, in CloudWatch's embedded format, its metrics.

One line is the cheap way to be observable on the hit path. It never holds a key, a credential, the query of a URL or a value that
the upstream sent. docs/architecture.md says how to read it ("Why was this answered so?").
The format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from pydantic_core import to_json

NAMESPACE_VARIABLE: Final = "METRICS_NAMESPACE"
"""The environment variable that names the CloudWatch namespace of the metrics: the template gives each stack its own."""

DEFAULT_NAMESPACE: Final = "Dekr"

DIMENSIONS: Final = ("service",), ("tier",)
"""The sets of dimensions of a request's metrics. CloudWatch charges for every metric, which is one name with one value of each
dimension, so there is none by route: the log line has it.
"""

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


def _directive(metrics: Sequence[tuple[str, str]], dimensions: Sequence[Sequence[str]]) -> dict[str, Any]:
    """The directive that makes metrics, given as names and units, of the fields of a line."""
    return {
        "Namespace": os.environ.get(NAMESPACE_VARIABLE) or DEFAULT_NAMESPACE,
        "Dimensions": dimensions,
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in metrics],
    }


class RequestLine:
    """Writes the lines of one function's requests to standard output, which Lambda hands to CloudWatch. ``wall_s`` is the clock
    (seconds since the epoch).
    """

    def __init__(self, service: str, wall_s: Callable[[], float] = time.time) -> None:
        self._service = service
        self._heads: dict[Level, str] = {}
        self._wall_s = wall_s
        self._cold = True

    def emit(self, facts: dict[str, Any], level: Level = Level.INFO) -> None:
        """Write the line of one request; ``facts`` holds all METRICS by name (CloudWatch drops those of a line that lacks one), the
        ``tier``, and whatever else is worth knowing.
        """
        facts["cold_start"], self._cold = self._cold, False
        stamp = int(self._wall_s() * 1000)
        # pydantic's writer takes a quarter of the time that Python's own does.
        head = self._heads.get(level) or self._made_head(level)
        sys.stdout.write(f'{{"_aws":{{"Timestamp":{stamp}{head}{to_json(facts).decode()[1:]}\n')

    def _made_head(self, level: Level) -> str:
        """The part of a line that is the same for all requests. It is made once, and not at import, which reads no environment."""
        directive = json.dumps([_directive(METRICS, DIMENSIONS)], separators=(",", ":"))
        head = f',"CloudWatchMetrics":{directive}}},"level":"{level}","service":"{self._service}",'
        self._heads[level] = head
        return head


def emit(
    service: str,
    wall_us: int,
    facts: Mapping[str, Any],
    level: Level = Level.INFO,
    *,
    counts: Sequence[str] = (),
) -> None:
    """Write the one line of a run that no HTTP request started: its log record and its metrics.

    ``wall_us``: the time in microseconds since the epoch. ``counts``: the names of the facts that are metrics of the service:
    counts, or times in microseconds where the name ends in ``_us``.
    """
    line: dict[str, Any] = {}
    if counts:
        units = [(name, "Microseconds" if name.endswith("_us") else "Count") for name in counts]
        directive = _directive(units, [["service"]])
        line["_aws"] = {"Timestamp": wall_us // 1000, "CloudWatchMetrics": [directive]}
    line |= {"level": level, "service": service, **facts}
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
