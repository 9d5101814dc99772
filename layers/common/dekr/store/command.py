"""What is sent to the store: plain commands and calls of Lua scripts.

All keys of one command live in one hash slot, so that it runs on a cluster. Every script gets the clock offset as its
first argument (put there by the link) and takes the time from Redis itself, so that all sandboxes share one clock.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files

type Word = str | bytes | int


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the SHA-1 under which the server keeps it."""

    name: str
    source: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", sha)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: a plain one (``script`` is None, ``words`` are all of it) or a script's call (its keys and arguments)."""

    words: tuple[Word, ...]
    keys: tuple[str, ...]
    script: Script | None = None


def load_script(package: str, name: str) -> Script:
    """The script in ``name``.lua beside the modules of ``package``."""
    return Script(name, files(package).joinpath(f"{name}.lua").read_text())


def plain(name: str, key: str, *args: Word) -> Command:
    """A command of Redis on one key."""
    return Command((name, key, *args), (key,))


def call(script: Script, keys: Sequence[str], *args: Word) -> Command:
    """A call of a script; the script sees ``args`` from ARGV[2] on."""
    return Command(args, tuple(keys), script)
