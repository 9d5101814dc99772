"""The fault program in its short form: every invariant holds, and something really happened."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SEED = "2"


def test_a_short_run_holds_every_invariant() -> None:
    ended = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "chaos", "--short", "--seed", SEED],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/common'}"},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = {line.partition(" ")[0]: line for line in ended.stdout.splitlines()}
    assert lines["seed"].split()[-1] == SEED
    assert all(re.search(rf"[1-9]\d* {kind}", lines["requests"]) for kind in ("fresh", "stale", "refused"))
    kinds = re.findall(r"\d+ ([a-z0-9 -]+)", lines["faults"].partition(":")[2])
    assert len(kinds) >= 8
    assert "time passed" in kinds
    assert any(kind.endswith(("killed", "stopped")) for kind in kinds)
    assert int(lines["losses"].split()[1]) > 0
