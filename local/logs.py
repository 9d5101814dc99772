"""Show and follow the lines that a stack's functions write, one for each request or run.

    make logs [STACK=NAME] [REGION=...] [PROFILE=...]

Without ``STACK`` it is the local cloud that is running. The whole line of a request is in CloudWatch under its request id;
docs/architecture.md says how to read it.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.account.session import open_session
from local.keys import LOCAL, NoStackError
from local.stack.cloud import Cloud
from local.stack.deploy import STACK
from local.stack.folder import Folder, read_json

SHOWN_MS: Final = 600_000
"""The age in milliseconds of the oldest lines that are shown at the beginning."""

LATE_MS: Final = 30_000
"""The time by which CloudWatch may show a line later than newer ones, in milliseconds."""

POLL_S: Final = 2.0

LEFT: Final = frozenset({"held", "unheard"})
"""How runs of the stream's relay go that had nothing to do."""

NOT_TOLD: Final = frozenset({"_aws", "level", "service"})


@dataclass(slots=True, eq=False)
class LogReader:
    """Reads the log groups of a stack's functions, each line once. ``client`` is boto3's of CloudWatch Logs."""

    client: Any
    groups: Sequence[str]
    _seen: set[tuple[int, str, str]] = field(default_factory=set)

    def read(self, since_ms: int) -> list[str]:
        """Return the lines since a moment (milliseconds since the epoch) that were not returned yet, the oldest first."""
        # A request's line holds its id, so no two are equal.
        events = {
            (event["timestamp"], event["message"], event["logStreamName"])
            for group in self.groups
            for event in self._events(group, since_ms)
        }
        new = sorted(events - self._seen)
        self._seen = events
        return [line for _, message, _ in new for line in message.splitlines()]

    def _events(self, group: str, since_ms: int) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since_ms)
        for page in pages:
            yield from page["events"]


def shown(line: str) -> str | None:
    """Return what is shown of a line: a request, run or stream in short, an unexpected error as it is, None for all others."""
    try:
        facts = json.loads(line)
    except ValueError:
        return None
    if not isinstance(facts, dict) or "service" not in facts:
        return None
    if "event" in facts or "line" in facts:
        return _of_stream(facts)
    if "status" not in facts:
        return line if facts.get("level") in {"WARNING", "ERROR"} or "task" in facts or "event_id" in facts else None
    told = [
        _time_of(facts),
        f"{facts['level']:7}",
        str(facts["status"]),
        f"{facts.get('outcome') or '-':9}",
        f"{facts['duration_ms']:8.1f} ms",
        facts["route"],
        facts.get("ticker", "-"),
        f"user={facts.get('user', '-')}",
        f"tier={facts['tier']}",
        f"calls={facts['upstream_calls']}",
        f"request_id={facts['request_id']}",
        *(f"{name}={facts[name]}" for name in ("error", "reason", "fault") if facts.get(name)),
    ]
    return "  ".join(told)


def _of_stream(facts: dict[str, Any]) -> str | None:
    """The line of an event of a client's connection, or of the relay; None for runs that left at once, as one does each minute."""
    if facts.get("outcome") in LEFT and facts["level"] == "INFO":
        return None
    told = {name: value for name, value in facts.items() if name not in NOT_TOLD and not name.startswith("stream_")}
    return "  ".join(
        [
            _time_of(facts),
            f"{facts['level']:7}",
            f"{facts['service']:14}",
            *(f"{name}={_in_short(value)}" for name, value in told.items() if _in_short(value)),
        ]
    )


def _in_short(value: Any) -> str:
    """A value of a line as text; empty for what says nothing."""
    if isinstance(value, dict):
        return ",".join(f"{name}:{each}" for name, each in value.items() if each)
    return str(value) if value else ""


def _time_of(facts: dict[str, Any]) -> str:
    """The time of a line; of one that has no metrics and so no time of its own, as much space."""
    if "_aws" not in facts:
        return " " * 9
    return f"{datetime.fromtimestamp(facts['_aws']['Timestamp'] / 1000, UTC):%H:%M:%S}Z"


def function_log_groups(cloudformation: Any, stack: str) -> list[str]:
    """Return the names of the log groups of a stack's functions. Raises botocore's errors."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    return [
        resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] == "AWS::Logs::LogGroup" and resource["LogicalResourceId"] != "AccessLogs"
    ]


def follow(reader: LogReader, now_ms: Callable[[], int], sleep: Callable[[float], None]) -> Iterator[str]:
    """Yield what is shown of the last minutes' lines, and then of each new one, without end."""
    since_ms = now_ms() - SHOWN_MS
    while True:
        started_ms = now_ms()
        for line in reader.read(since_ms):
            text = shown(line)
            if text is not None:
                yield text
        since_ms = max(since_ms, started_ms - LATE_MS)
        sleep(POLL_S)


def _clients(stack: str, profile: str, region: str) -> tuple[Any, Any, str]:
    """The clients of CloudFormation and CloudWatch Logs that have this stack, and its full name. Raises NoStackError."""
    if stack != LOCAL:
        session: boto3.Session = open_session(profile, region)
        return session.client("cloudformation"), session.client("logs"), stack
    running = read_json(Folder.of(os.environ).state)
    if running is None:
        raise NoStackError("no local stack is up; start one with `make up`, or name a deployed one with STACK=")
    cloud = Cloud(running["aws"])
    return cloud.client("cloudformation"), cloud.client("logs"), STACK


def main() -> int:
    """Follow the lines until Ctrl-C. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.logs", description="The lines of a stack's requests.")
    parser.add_argument("--stack", default=LOCAL, help="a deployed stack (default: the local cloud)")
    parser.add_argument("--region", default="")
    parser.add_argument("--profile", default="")
    options = parser.parse_args()
    try:
        cloudformation, logs, stack = _clients(options.stack, options.profile, options.region)
        reader = LogReader(logs, function_log_groups(cloudformation, stack))
        for text in follow(reader, lambda: time.time_ns() // 1_000_000, time.sleep):
            print(text, flush=True)
    except (NoStackError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
