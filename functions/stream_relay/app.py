"""The relay of the stream: runs that a subscription or, every minute, the schedule starts, with {"wake": "schedule"}.

Most leave at once, because another one holds the lease. One that serves runs until its time is over or nobody listens.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Protocol

from dekr.errors import DekrError
from dekr.http.edge.diagnosis import Diagnosis
from dekr.http.edge.log import Level, emit
from dekr.relay_wiring import Invocation, RelayServices, relay_services

SERVICE: Final = "stream-relay"

METRICS: Final = (
    "events",
    "deliveries",
    "posts",
    "dropped",
    "slow_closed",
    "throttled",
    "store_failures",
    "outages",
    "connections",
    "lag_p50_us",
    "lag_p99_us",
)
"""Those of the counts that are metrics; the others stand in the line alone."""

RUN_METRICS: Final = ("failed_runs",)
"""The metrics of a run: 1 where it could not be a relay, or could not find out whether it is to be one."""


class RelayContext(Protocol):
    """The part of Lambda's context object that a run uses."""

    aws_request_id: str
    function_version: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


def count(counts: Mapping[str, Any]) -> None:
    """Write what a relay has counted, which it does once a minute and at its end."""
    level = Level.WARNING if "passed_over" in counts else Level.INFO
    emit(SERVICE, time.time_ns() // 1000, {"line": "counts", **counts}, level, counts=METRICS)


@cache
def wire() -> RelayServices:
    """The services of this sandbox."""
    return relay_services(count)


def handler(event: dict[str, Any], context: RelayContext) -> dict[str, Any]:
    """Be the relay, if there is none and one is needed, and write how that went as one line of log."""
    left_s = context.get_remaining_time_in_millis() / 1000
    invocation = Invocation(context.aws_request_id, context.function_version, left_s)
    facts: dict[str, Any] = {"line": "run", "request": invocation.request, "version": invocation.version}
    facts["failed_runs"] = 0
    try:
        report = asyncio.run(wire().run(invocation, scheduled=event.get("wake") == "schedule"))
        facts |= report.facts()
        level = Level.WARNING if report.passed_over else Level.INFO
    except DekrError as error:
        diagnosis = Diagnosis(error)
        facts |= {"outcome": "failed", "failed_runs": 1, **diagnosis.facts()}
        level = diagnosis.level()
    emit(SERVICE, time.time_ns() // 1000, facts, level, counts=RUN_METRICS)
    return facts
