"""``python -m local.stack up|down|run``: start or end the local cloud."""

import argparse
import os
import sys
import time
from typing import Any

from local.stack.caller import described, without_password
from local.stack.folder import Folder, read_json
from local.stack.interrupts import Interrupted, Interrupts
from local.stack.launcher import STARTER, Launcher, StackError, end_recorded, recorded
from local.stack.moments import moment_text
from local.stack.processes import alive

INTERRUPTED = 130


def up(folder: Folder, interrupts: Interrupts, *, stay: bool) -> int:
    """Start a stack and return the exit status. ``stay``: wait in the foreground, and end the stack together with this
    program.

    Raises StackError if the stack does not start, or if one of its processes ends while this program waits.
    """
    from local.stack.start import start  # noqa: PLC0415 - ``down`` must work even if the service's code is broken

    launcher = None
    try:
        with folder.starting():
            running = _running(folder)
            if running is not None:
                _print_stack(running, "The stack is already running.")
                return 0
            _remove(folder)
            launcher = Launcher(Folder.of(os.environ), interrupts)
            stack = start(launcher, os.environ)
            if not stay:
                launcher.detach()
                launcher = None
        _print_stack(
            stack, "The stack is running; Ctrl-C ends it." if stay else "The stack is running; `make down` ends it."
        )
        while launcher is not None:
            launcher.check()
            time.sleep(0.5)
    except BaseException:
        if launcher is not None:
            _remove(folder)
        raise
    return 0


def down(folder: Folder) -> int:
    """End the folder's stack, whoever started it. Return the exit status."""
    print("The stack has ended." if _remove(folder) else "No stack is running.")
    return 0


def _remove(folder: Folder) -> bool:
    """End the stack's processes and remove its files. Return whether anything was running."""
    ended = end_recorded(folder)
    folder.clear()
    return ended


def _running(folder: Folder) -> dict[str, Any] | None:
    stack: dict[str, Any] | None = read_json(folder.state)
    processes = [process for process in recorded(folder) if process.name != STARTER]
    return stack if processes and len(alive(processes)) == len(processes) else None


def _print_stack(stack: dict[str, Any], headline: str) -> None:
    print(headline)
    print(f"  HTTP     {stack['http']}")
    print(f"  stream   {stack['ws']}")
    print(f"  Polygon  {described(stack['polygon'])}")
    print(f"  Redis    {without_password(stack['redis'])}")
    print(f"  AWS      {stack['aws']}")
    for tier, key in stack["api_keys"].items():
        print(f"  tier {tier}   {key}")
    print(f"  admin    {stack['admin_key']}")
    print(f"  docs     {stack['http']}/docs")
    if stack["clock_offset_us"]:
        print(f"  clock    {moment_text(stack['clock_offset_us'], time.time_ns() // 1000)}, and it runs on")
    print(f"Try it: curl -H 'X-Api-Key: {stack['api_keys']['7']}' {stack['http']}/quote/AAPL", flush=True)


def main() -> int:
    """Run one command. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.stack", description="The local cloud.")
    parser.add_argument("command", choices=["up", "down", "run"])
    command = parser.parse_args().command
    folder = Folder.of(os.environ)
    interrupts = Interrupts()
    interrupts.listen()
    try:
        return down(folder) if command == "down" else up(folder, interrupts, stay=command == "run")
    except StackError as error:
        print(f"The stack does not run: {error}", file=sys.stderr)
        return 1
    except Interrupted:
        print("Ended.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
