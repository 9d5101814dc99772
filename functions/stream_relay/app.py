"""The relay of the stream: runs that a subscription or, every minute, the schedule starts, with {"wake": "schedule"}.

Most leave at once, because another one holds the lease. One that serves runs until its time is over or nobody listens.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from dekr.errors import DekrError
from dekr.http.edge.diagnosis import Diagnosis
from dekr.http.edge.log import Level, emit
from dekr.relay_wiring import Invocation, RelayContext, RelayServices, relay_services
from dekr.stream.delivery.stats import METRICS

SERVICE: Final = "stream-relay"

RUN_METRICS: Final = ("failed_runs",)
"""The metrics of a run: 1 where it could not be a relay, or could not find out whether it is to be one."""


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
    invocation = Invocation.of(context)
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
