"""Commands for the store: plain ones and calls of Lua scripts.

All keys of one command live in one hash slot, so that it runs on a cluster. Every script gets the clock offset as its
first argument (put there by the link) and takes the time from Redis itself, so that all sandboxes share one clock.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

from hiredis import pack_command

type Word = str | bytes | int
"""An argument of a command, or its name."""


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
    """One command: a plain one, where ``words`` are its name and all arguments, or the call of a ``script`` with ``words`` as its
    arguments. ``keys``: the keys that it touches, all of one hash slot.
    """

    words: tuple[Word, ...]
    keys: tuple[str, ...]
    script: Script | None = None
    _packed: tuple[int, bytes] | None = field(default=None, init=False, repr=False, compare=False)

    def wire_words(self, offset_us: int, *, by_source: bool = False) -> tuple[Word, ...]:
        """The name and arguments that Redis reads. A script goes by its SHA-1, or by its source where the server has lost it."""
        script = self.script
        if script is None:
            return self.words
        head: tuple[Word, Word] = ("EVAL", script.source) if by_source else ("EVALSHA", script.sha)
        return (*head, len(self.keys), *self.keys, offset_us, *self.words)

    def packed(self, offset_us: int) -> bytes:
        """The command in RESP, a script named by its SHA-1. The bytes are kept: commands of reads are sent again and again."""
        offset_us = 0 if self.script is None else offset_us
        if self._packed is None or self._packed[0] != offset_us:
            # Packed by hiredis itself: redis-py looks at each word first, which takes four times as long.
            words: Any = self.wire_words(offset_us)
            object.__setattr__(self, "_packed", (offset_us, pack_command(words)))
        assert self._packed is not None
        return self._packed[1]


def lua_text(package: str, name: str) -> str:
    """The text of ``name``.lua beside the modules of ``package``."""
    return files(package).joinpath(f"{name}.lua").read_text()


_PRELUDE: Final = lua_text(__package__, "prelude")
_DEFINED: Final = re.compile(r"^local (?:function )?(\w+)", re.MULTILINE)


def load_script(package: str, name: str, shared: str = "", /, **numbers: int | tuple[int, ...]) -> Script:
    """Load the script in ``name``.lua beside the modules of ``package``.

    Before it stand ``numbers`` as local variables of these names (a tuple as a table), so that each limit is written once and
    in Python; then the prelude (``prelude.lua``), whose functions every script may call; then ``shared``, Lua text with functions
    of its room.
    Of all these only what the script uses: making a function costs each call 50 ns.
    """
    limits = "\n\n".join(f"local {name} = {_lua_number(value)}" for name, value in numbers.items())
    text = lua_text(package, name)
    for source in (shared, _PRELUDE, limits):
        for block, defined in reversed(_blocks(source)):
            if any(name in text for name in defined):
                text = f"{block}\n\n{text}"
    return Script(name, text)


def _lua_number(value: int | tuple[int, ...]) -> str:
    return f"{value:d}" if isinstance(value, int) else f"{{{', '.join(f'{each:d}' for each in value)}}}"


@cache
def _blocks(source: str) -> list[tuple[str, list[str]]]:
    """Split Lua text at blank lines: each block, and the names that it defines."""
    return [(block, _DEFINED.findall(block)) for block in source.strip().split("\n\n")]


def plain(name: str, key: str, *args: Word) -> Command:
    """Make a plain command: a Redis command by its name, with one key and further arguments."""
    return Command((name, key, *args), (key,))


def call(script: Script, keys: Sequence[str], *args: Word) -> Command:
    """Make the call of a script on keys of one hash slot. It has the clock offset in ARGV[1] and ``args`` from ARGV[2] on."""
    return Command(args, tuple(keys), script)
