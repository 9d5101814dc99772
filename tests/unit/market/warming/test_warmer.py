"""The hours in which the warmer works: by the calendar, and by when a reader last requested a quote."""

from dataclasses import replace
from datetime import datetime

import pytest

from dekr.market.warming.audit import PreloadAudit
from dekr.market.warming.warmer import Task, why_not

SECOND_US = 1_000_000
REQUESTED = PreloadAudit(0, 0, 1.0, 0, 0, 0, 0)


def audit_at(moment: str, requested_s: float = 1, preloaded_s: float = 1e6) -> PreloadAudit:
    """Return the audit at a moment, with the last request and the last preload this many seconds before."""
    now_us = int(datetime.fromisoformat(moment).timestamp()) * SECOND_US
    return replace(
        REQUESTED,
        now_us=now_us,
        requested_us=now_us - int(requested_s * SECOND_US),
        preloaded_us=now_us - int(preloaded_s * SECOND_US),
    )


@pytest.mark.parametrize(
    ("moment", "opening", "night"),
    [
        ("2026-11-20T03:49:00-05:00", "no open", None),
        ("2026-11-20T03:59:00-05:00", None, None),
        ("2026-11-20T04:00:00-05:00", "no open", None),
        ("2026-11-20T09:29:00-05:00", None, None),
        ("2026-11-20T09:30:00-05:00", "no open", "market open"),
        ("2026-11-20T15:59:00-05:00", "no open", "market open"),
        ("2026-11-20T16:30:00-05:00", "no open", "market open"),
        ("2026-11-20T20:00:00-05:00", "no open", "market open"),
        ("2026-11-20T20:20:00-05:00", "no open", None),
        # Summer: New York is an hour nearer to Greenwich.
        ("2026-07-15T13:29:00Z", None, None),
        # A Saturday, Thanksgiving, and the short day after it.
        ("2026-11-21T09:29:00-05:00", "no open", None),
        ("2026-11-26T09:29:00-05:00", "no open", None),
        ("2026-11-27T12:59:00-05:00", "no open", "market open"),
        ("2026-11-27T17:20:00-05:00", "no open", None),
        # Outside the calendar's table nobody knows when the market opens.
        ("2090-01-03T09:29:00-05:00", "no open", "market open"),
    ],
)
def test_each_task_has_its_hours(moment: str, opening: str | None, night: str | None) -> None:
    known = audit_at(moment)
    assert [why_not(task, known) for task in (Task.AUDIT, Task.OPEN, Task.NIGHT)] == [None, opening, night]


@pytest.mark.parametrize(("task", "hour"), [(Task.OPEN, "09:29"), (Task.NIGHT, "20:30")])
def test_before_the_open_and_at_night_a_weekend_without_one_does_not(task: Task, hour: str) -> None:
    monday = f"2026-11-23T{hour}:00-05:00"
    assert why_not(task, audit_at(monday, requested_s=3 * 86_400)) is None
    assert why_not(task, audit_at(monday, requested_s=6 * 86_400)) == "idle"


def test_a_schedule_that_fires_twice_preloads_once() -> None:
    assert why_not(Task.OPEN, audit_at("2026-11-20T09:29:05-05:00", preloaded_s=4)) == "done"
    assert why_not(Task.OPEN, audit_at("2026-11-20T09:29:00-05:00", preloaded_s=60)) is None
