"""The cold start: the time to import the quote function, with the layer built and compiled as it is deployed.

It is compared in the same run with the naive stack: boto3, Powertools (validation, Logger, Metrics), pydantic, httpx
and redis, all imported at the top, from the same folder. The time of an interpreter that does nothing is subtracted.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = ROOT / ".tools/uv/bin/uv"
ROUNDS = 15
OURS = "import app"
NAIVE = (
    "import boto3, httpx, pydantic, redis; from aws_lambda_powertools import Logger, Metrics; "
    "from aws_lambda_powertools.event_handler import APIGatewayHttpResolver; "
    "from aws_lambda_powertools.event_handler.openapi.params import Query; import aws_lambda_powertools.utilities.parameters"
)
BANNED = ("boto3", "botocore", "httpx", "pydantic_settings")
"""Modules that the quote function must not import."""


def run() -> dict[str, tuple[float, str]]:
    """Measure ``import_ms`` and ``import_ratio``.

    Return each figure's value and meaning. Raises AssertionError if the hit path imports a banned module.
    """
    with tempfile.TemporaryDirectory() as text:
        layer = _build(Path(text))
        loaded = _python(layer, f"{OURS}; import sys; print([m for m in {BANNED!r} if m in sys.modules])")
        assert loaded == "[]", f"the hit path imports {loaded}"
        idle, ours, naive = [], [], []
        for _ in range(ROUNDS):
            idle.append(_seconds(layer, "pass"))
            ours.append(_seconds(layer, OURS))
            naive.append(_seconds(layer, NAIVE))
    base = statistics.median(idle)
    mine, theirs = statistics.median(ours) - base, statistics.median(naive) - base
    return {
        "import_ms": (
            mine * 1000,
            "import of functions/quote/app.py net of an idle interpreter (at most 250, aim 200)",
        ),
        "import_ratio": (mine / theirs, f"that import over the naive stack's {theirs * 1000:.0f} ms (at most 0.7)"),
    }


def _build(folder: Path) -> Path:
    """Install the layer and the function into one folder, compiled as for deployment, with boto3 as in Lambda's runtime."""
    requirements = ROOT / "layers/common/requirements.txt"
    install = [str(UV), "pip", "install", "-q", "--python", sys.executable, "--target", str(folder)]
    subprocess.run([*install, "--require-hashes", "-r", str(requirements)], check=True)  # noqa: S603 - a fixed command
    subprocess.run([*install, "boto3"], check=True)  # noqa: S603 - a fixed command
    shutil.copytree(ROOT / "layers/common/dekr", folder / "dekr", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "functions/quote/app.py", folder / "app.py")
    compiling = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder)]
    subprocess.run(compiling, check=True)  # noqa: S603 - a fixed command
    return folder


def _command(layer: Path, code: str) -> list[str]:
    # The path is set inside: on PYTHONPATH a layer's .pth files would run in the idle interpreter too.
    return [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(layer)!r}); {code}"]


def _python(layer: Path, code: str) -> str:
    return subprocess.run(_command(layer, code), check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - a fixed command


def _seconds(layer: Path, code: str) -> float:
    started = time.perf_counter()
    _python(layer, code)
    return time.perf_counter() - started
