"""Run `sam build` for this machine, once for every state of the sources, with bytecode that needs no check at import."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from local.stack.folder import ROOT, TOOLS, lock
from local.stack.launcher import Launcher, StackError

BUILDS: Final = ROOT / ".aws-sam" / "local"
MAX_BUILDS: Final = 3
"""The number of builds that are kept: a stack that deploys from one must not lose it to a later start."""


def architecture() -> str:
    """Return Lambda's name for this machine's processor. Raises StackError if Lambda does not support it."""
    names = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
    machine = platform.machine().lower()
    if machine not in names:
        raise StackError(f"Lambda runs on x86_64 and arm64, and this machine is {machine}.")
    return names[machine]


def build(launcher: Launcher, environment: Mapping[str, str]) -> Path:
    """Build the sources as they are now, unless that is done already. Return the path of the built template.

    Raises StackError if the build fails.
    """
    target = BUILDS / _sources_digest()
    with lock(BUILDS / "lock"):
        if not target.exists():
            draft = BUILDS / "draft"
            shutil.rmtree(draft, ignore_errors=True)
            _sam_build(launcher, environment, draft)
            draft.rename(target)
        target.touch()
        for old in sorted(BUILDS.glob("[0-9a-f]*"), key=lambda path: path.stat().st_mtime)[:-MAX_BUILDS]:
            shutil.rmtree(old)
    return target / "template.yaml"


def _sam_build(launcher: Launcher, environment: Mapping[str, str], target: Path) -> None:
    sam: list[str | Path] = [
        TOOLS / "sam/bin/sam",
        "build",
        "--config-env",
        "local",
        "--template",
        ROOT / "template.yaml",
    ]
    options: list[str | Path] = ["--build-dir", target, "--cache-dir", ROOT / ".aws-sam/cache"]
    parameters = ["--parameter-overrides", f"Architecture={architecture()}"]
    path = f"{_python_with_pip()}:{environment.get('PATH', '')}"
    # SAM leaves empty folders behind in the directory for temporary files.
    with TemporaryDirectory() as temporary:
        launcher.finish("build", [*sam, *options, *parameters], {**environment, "PATH": path, "TMPDIR": temporary})
    compile_all = [sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    launcher.finish("compile", [*compile_all, target], environment)


def _python_with_pip() -> Path:
    """Return the directory of a python3.13 that has pip, which SAM's builder needs. Raises StackError if there is none."""
    for folder in (TOOLS / "sam/bin", Path(sys.base_prefix) / "bin", TOOLS / "uv/bin"):
        python = folder / "python3.13"
        command: list[str | Path] = [python, "-c", "import pip"]
        if python.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0:  # noqa: S603
            return folder
    raise StackError("`sam build` needs a Python 3.13 with pip, and there is none.")


def _sources_digest() -> str:
    digest = sha256(f"{architecture()} {sys.version}".encode())
    for path in _sources():
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    yield ROOT / "template.yaml"
    for folder in ("functions", "layers"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
