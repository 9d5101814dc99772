"""The interpreter that runs the functions: Python with the packages of AWS's runtime, and nothing else.

A package that the layer forgets must be missing here as it would be on Lambda, so neither the emulator's own packages
nor the project's are visible to this interpreter.
"""

import venv
from pathlib import Path
from typing import Final

RUNTIME_PACKAGES: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")


def make_runtime(at: Path, packages: Path) -> Path:
    """Make a virtual environment ``at`` this path with links to boto3 and its dependencies in ``packages``. Return its
    interpreter.
    """
    venv.create(at, clear=True, symlinks=True, with_pip=False)
    (site,) = at.glob("lib/python3*/site-packages")
    for name in RUNTIME_PACKAGES:
        (site / name).symlink_to(packages / name)
    return at / "bin/python"
