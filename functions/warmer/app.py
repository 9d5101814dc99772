"""The warmer: runs that EventBridge's schedules start, each with {"task": "quotes" | "open" | "night"}."""

from dataclasses import asdict
from typing import Any, Final

from dekr.deadline import Deadline
from dekr.http.edge.log import emit
from dekr.http.edge.request import Context
from dekr.market.warming.warmer import Task
from dekr.wiring import services

MARGIN_S: Final = 1.0
METRICS: Final = ("warmer_calls", "warmer_saved", "warmer_wasted")

wire = services


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Run the event's task and write its report. Raises ValueError for a task that there is not."""
    task = Task(event["task"])
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000 - MARGIN_S)
    report = wire().warmer.run(task, deadline)
    counts = {"calls", "saved", "wasted"}
    facts = {f"warmer_{name}" if name in counts else name: value for name, value in asdict(report).items()}
    emit("warmer", wire().now_us(), facts, METRICS, by="task")
    return facts
