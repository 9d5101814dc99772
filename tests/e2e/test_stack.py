"""Starting and ending the local cloud: what it leaves behind, and what it runs on."""

import signal
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.stack.folder import ROOT
from local.stack.processes import Process, alive, end
from tests.e2e.stacks import LocalCloud, command, environment_of, stack_in
from tests.patience import HANG_S


def test_second_up_says_that_the_stack_runs_and_changes_nothing(cloud: LocalCloud) -> None:
    before = (cloud.path / "stack.json").read_text()

    again = command("up", cloud.environment)

    assert again.returncode == 0
    assert "already running" in again.stdout
    assert cloud.said["http"] in again.stdout
    assert cloud.said["ws"] in again.stdout
    assert (cloud.path / "stack.json").read_text() == before


def test_keys_on_disk_are_readable_by_their_owner_alone(cloud: LocalCloud) -> None:
    assert stat.S_IMODE((cloud.path / "stack.json").stat().st_mode) == 0o600
    assert set(cloud.said["api_keys"]) == {"1", "2", "3", "4", "5", "6", "7"}


def test_without_a_redis_installed_and_at_another_time_it_serves_and_down_leaves_nothing(tmp_path: Path) -> None:
    no_programs = tmp_path / "bin"
    no_programs.mkdir()

    with stack_in(tmp_path / "stack", PATH=str(no_programs), AT="2026-11-20T15:00:00Z") as cloud:
        first, second = cloud.get("/quote/AAPL", tier=1), cloud.get("/quote/AAPL", tier=1)
        assert (first.status_code, second.status_code) == (200, 200)
        assert "hit" in second.headers["cache-status"]
        assert '"burst";r=8' in second.headers["ratelimit"]

        status = cloud.get("/market-status", tier=1).json()
        for moment in (status["time"], first.json()["timestamp"], second.json()["timestamp"]):
            assert moment.startswith("2026-11-20T15:")
        assert status["session"] == "regular"

        processes = [Process(**entry) for entry in cloud.processes]
        assert {process.name for process in processes} == {"ministack", "redis", "sandbox", "front-door", "socket-door"}
        sandboxes = _children_of(next(process for process in processes if process.name == "ministack"))
        assert sandboxes

        assert command("down", cloud.environment).returncode == 0

        assert alive([*processes, *sandboxes]) == []
        for address in (cloud.said[name] for name in ("http", "ws", "sandbox", "redis", "aws")):
            assert not _listens(address)
        assert sorted(path.name for path in cloud.path.iterdir()) == ["lock", "logs"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    environment = environment_of(tmp_path)
    run = subprocess.Popen(
        [sys.executable, "-m", "local.stack", "run"], cwd=ROOT, env=environment, stderr=subprocess.PIPE
    )
    written = tmp_path / "processes.json"
    while run.poll() is None and (not written.exists() or '"redis"' not in written.read_text()):
        with suppress(subprocess.TimeoutExpired):
            run.wait(0.02)
    processes = [process for process in _written(tmp_path) if process.name != "starter"]

    run.send_signal(number)

    _, said = run.communicate(timeout=HANG_S)
    assert run.returncode == 130
    assert said == b"Ended.\n"
    assert processes
    assert alive(processes) == []
    assert not written.exists()


def test_a_start_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    failed = command("up", environment_of(tmp_path, REDIS_URL="redis://127.0.0.1:1/0"))

    assert failed.returncode == 1
    assert "The Redis that REDIS_URL names does not answer." in failed.stderr
    assert not (tmp_path / "processes.json").exists()


def test_down_without_a_stack_is_no_error(tmp_path: Path) -> None:
    answer = command("down", environment_of(tmp_path))

    assert (answer.returncode, answer.stdout) == (0, "No stack is running.\n")


def test_a_pid_that_went_to_another_process_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as stranger:
        known = Process.identify("stranger", stranger.pid)

        end([replace(known, started="long ago")])

        assert alive([known]) == [known]
        end([known])
        assert stranger.wait() != 0


def _written(path: Path) -> list[Process]:
    return [Process(**entry) for entry in LocalCloud(path, {"http": ""}, {}).processes]


def _children_of(parent: Process) -> list[Process]:
    pids = Path(f"/proc/{parent.pid}/task").glob("*/children")
    return [Process.identify("sandbox", int(pid)) for path in pids for pid in path.read_text().split()]


def _listens(address: str) -> bool:
    url = urlsplit(address)
    with socket.socket() as probe:
        return probe.connect_ex((url.hostname, url.port)) == 0
