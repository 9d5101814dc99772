"""The time that a thread waits for a processor is seen, and the time that it waits by itself is not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.stalls import stalled_us
from tests.patience import HANG_S


def test_of_a_sleep_only_what_came_after_its_end_is_a_stall() -> None:
    started, before = time.perf_counter(), stalled_us()
    time.sleep(0.3)
    stalled = stalled_us() - before
    assert 0 <= stalled <= (time.perf_counter() - started - 0.3) * 1e6 + 1_000


@pytest.mark.skipif(
    not Path("/proc/thread-self/schedstat").exists(), reason="this kernel does not say how long a thread waited"
)
def test_a_thread_that_shares_its_processor_is_stalled() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as beside:
            try:
                started, before = time.perf_counter(), stalled_us()
                while stalled_us() - before < 50_000 and time.perf_counter() - started < HANG_S:
                    pass
                stalled, passed = stalled_us() - before, time.perf_counter() - started
            finally:
                beside.kill()
    finally:
        os.sched_setaffinity(0, allowed)
    assert 50_000 <= stalled <= passed * 1e6
