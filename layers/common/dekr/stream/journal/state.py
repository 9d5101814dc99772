"""The state that a relay has left in the store, as its successor reads it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from dekr.stream.ports import Tick

_NUMBER: Final = "n:"
_COVERED: Final = "c:"


@dataclass(frozen=True, slots=True)
class ShardState:
    """The memory of a shard: the last tick that it has and its generation, both None where it is lost; the last number of each
    pair; and since which tick each pair is covered.
    """

    tick: int | None
    generation: int | None
    numbers: Mapping[str, int]
    covered: Mapping[str, int]

    @classmethod
    def of(cls, reply: Sequence[bytes]) -> Self:
        """Read the hash of a shard."""
        fields = _fields(reply)
        return cls(
            int(fields["t"]) if "t" in fields else None,
            int(fields["g"]) if "g" in fields else None,
            {name.removeprefix(_NUMBER): int(value) for name, value in fields.items() if name.startswith(_NUMBER)},
            {name.removeprefix(_COVERED): int(value) for name, value in fields.items() if name.startswith(_COVERED)},
        )


@dataclass(frozen=True, slots=True)
class RelayState:
    """The state of the relay: its generation (None where it is lost), the last tick with a beat, the shards that this tick wrote
    to, the last tick before it that is complete, the position in the change log, and the checkpoint.
    """

    generation: int | None
    tick: int
    parts: tuple[int, ...]
    complete_before: int
    changes: str
    checkpoint: tuple[int, Mapping[str, int]] | None

    @classmethod
    def of(cls, reply: Sequence[bytes], checkpoint: bytes) -> Self:
        """Read the relay's hash and its checkpoint."""
        fields = _fields(reply)
        return cls(
            int(fields["generation"]) if "generation" in fields else None,
            int(fields.get("tick", 0)),
            tuple(map(int, fields.get("parts", ""))),
            int(fields.get("complete", 0)),
            fields.get("changes", "0-0"),
            _checkpoint(json.loads(checkpoint)) if checkpoint else None,
        )

    def complete(self, shards: Sequence[ShardState]) -> int:
        """The last tick of which every shard has its part."""
        whole = all((shards[number].tick or 0) >= self.tick for number in self.parts)
        return self.tick if whole else self.complete_before


def generation_of(relay: RelayState, shards: Sequence[ShardState]) -> int | None:
    """The generation, where nothing has lost its memory of it; None where a new one has to begin."""
    known = {relay.generation, *(shard.generation for shard in shards)}
    return known.pop() if len(known) == 1 else None


def new_generation(relay: RelayState, shards: Sequence[ShardState], now_ms: int) -> int:
    """A number for a new generation, larger than every one that is remembered."""
    return max(now_ms, 1 + max(relay.generation or 0, *(shard.generation or 0 for shard in shards)))


def checkpoint_text(tick: Tick) -> str:
    """The checkpoint of a tick: its connections have all events before it, but for those that are behind."""
    return json.dumps([tick.tick - 1, dict(tick.behind)], separators=(",", ":"))


def _checkpoint(value: Any) -> tuple[int, Mapping[str, int]]:  # noqa: ANN401 - JSON
    position, behind = value
    return position, behind


def _fields(reply: Sequence[bytes]) -> dict[str, str]:
    texts = [each.decode() for each in reply]
    return dict(zip(texts[::2], texts[1::2], strict=True))
