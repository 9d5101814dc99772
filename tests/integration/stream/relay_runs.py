"""Runs of the relay's function on a lease in memory."""

from dekr.relay_wiring import RelayServices
from dekr.stream.shift.lease import Held, Holder
from tests.fakes.lease import FakeLease, LeaseTable
from tests.integration.stream.relay_process import relay_services

FAR_MS = 4_000_000_000_000


class RelayContext:
    """Lambda's context at the beginning of a run."""

    aws_request_id = "request-1"
    function_version = "7"

    def __init__(self, left_ms: int = 900_000) -> None:
        self._left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms


def services(table: LeaseTable, clock_offset_us: int = 0) -> RelayServices:
    """Services whose store cannot be reached."""

    def lease(holder: Holder) -> FakeLease:
        return FakeLease(table, holder, lambda: FAR_MS - 20_000)

    nowhere = "redis://127.0.0.1:1/0", "ws://127.0.0.1:1/stocks", "http://127.0.0.1:1/stocks"
    return relay_services(*nowhere, lease=lease, clock_offset_us=clock_offset_us)


def held() -> LeaseTable:
    """Another relay has the lease, renewed just now, for a long time."""
    return LeaseTable(Held(Holder("other", "r1", "6", FAR_MS), 3, FAR_MS - 10_000), 3)
