"""The sandbox Polygon in a process of its own, started as its command line says."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PYTHONPATH: Final = f"{ROOT / 'layers/common'}{os.pathsep}{ROOT}"
"""Where a process of its own finds this project."""

ENVIRONMENT: Final = {**os.environ, "PYTHONPATH": PYTHONPATH}
COMMAND: Final = (sys.executable, "-m", "local.sandbox")


@contextmanager
def sandbox_program(*options: str, stderr: int | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``python -m local.sandbox`` with these options while the context lasts. Yield its process and its address.

    ``stderr``: where its errors go, as for Popen. Raises AssertionError if it does not start.
    """
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*COMMAND, *options], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=stderr, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), "the sandbox did not start"
        assert process.stdout.readline().startswith("streaming on ws://127.0.0.1:"), "the sandbox does not stream"
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.communicate()
