"""The warmer: runs that EventBridge's schedules start, each with {"task": "open" | "audit" | "night"}."""

from typing import Any, Final

from dekr.deadline import Deadline
from dekr.http.edge.diagnosis import Diagnosis
from dekr.http.edge.log import emit
from dekr.http.edge.request import LambdaContext
from dekr.market.warming.warmer import Task
from dekr.wiring import services

MARGIN_S: Final = 1.0
METRICS: Final = ("warmer_calls", "warmer_saved", "warmer_wasted")

wire = services


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run the event's task and write its report as one line of log. Raises ValueError for a task that there is not."""
    task = Task(event["task"])
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000 - MARGIN_S)
    services = wire()
    report = services.warmer.run(task, deadline)
    failed = [attempt for attempt in report.attempts if attempt.outcome.failed]
    diagnosis = Diagnosis(report.failure, attempts=failed, failures=services.passed_over.take())
    facts: dict[str, Any] = {
        "task": report.task,
        "done": report.done,
        "warmer_calls": report.calls,
        "warmer_saved": report.saved,
        "warmer_wasted": report.wasted,
        "left": report.left,
        **diagnosis.facts(),
    }
    emit("warmer", services.now_us(), facts, diagnosis.level(), counts=METRICS)
    return facts
