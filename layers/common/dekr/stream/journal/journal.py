"""The journal in the store.

The events of a tick go to the logs of eight shards, their numbers beside them in the same slot, so that each shard is right by
itself at any moment. The beat and the checkpoint come last: they are in the slot of the registry. Every script compares the epoch
and the generation of the relay that sends it with those that are stored, and writes nothing where they are not its own.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from dekr.cache import keys
from dekr.store import Command, Store, call, load_script, plain
from dekr.stream.journal.shards import SHARDS, PairFilter, Part, ShardReplay
from dekr.stream.journal.state import RelayState, ShardState, checkpoint_text, generation_of, new_generation
from dekr.stream.ports import HISTORY_MS, Begun, Replay, Tick, Written
from dekr.stream.registry import Registry

PAGE: Final = 200
"""So many entries of a shard's log, some megabytes at most, are read at once."""

_MS_US: Final = 1_000

_BEGIN: Final = load_script(__package__, "relay_begin")
_FENCE: Final = load_script(__package__, "shard_fence")
_FOUND: Final = load_script(__package__, "relay_found")
_FOUND_SHARD: Final = load_script(__package__, "shard_found")
_APPEND: Final = load_script(__package__, "shard_append")
_BEAT: Final = load_script(__package__, "relay_beat")
_STOP: Final = load_script(__package__, "relay_stop")


@dataclass(slots=True, eq=False)
class StoreJournal:
    """A dekr.stream.ports.Journal for one relay, to be used from one thread.

    ``now_ms``: this machine's clock. ``history_ms``: for how long events are kept.
    """

    store: Store
    registry: Registry
    now_ms: Callable[[], int]
    history_ms: int = HISTORY_MS
    _epoch: int = 0
    _generation: int = 0
    _complete: int = 0
    _numbers: dict[str, int] = field(default_factory=dict)
    _unanswered: Tick | None = None

    def begin(self, epoch: int) -> Begun | None:
        """Raise all fences to ``epoch`` and read what the relay before left. None: a later relay has begun. Raises StoreDown."""
        fences = [call(_FENCE, [self._shard(number, "m")], epoch) for number in range(SHARDS)]
        begun, *raised = self.store.run(call(_BEGIN, [self._relay("relay"), self._relay("pos")], epoch), *fences)
        if not all([begun[1], *(granted for granted, *_ in raised)]):
            return None
        relay, shards = RelayState.of(*begun[2:]), [ShardState.of(fields) for _, fields in raised]
        tick = max(relay.tick, *(shard.tick or 0 for shard in shards))
        generation = generation_of(relay, shards) or new_generation(relay, shards, begun[0] // _MS_US)
        complete = relay.complete(shards)
        if not self._found(epoch, generation, tick, complete):
            return None
        # Changes are read from where the relay before ended, which is earlier than where the registry was read.
        _, listeners = self.registry.listeners()
        self._epoch, self._generation, self._complete, self._unanswered = epoch, generation, complete, None
        self._numbers = {pair: number for shard in shards for pair, number in shard.numbers.items()}
        # Without a checkpoint nobody is known to have anything.
        position, behind = relay.checkpoint or (complete, {})
        return Begun(
            generation=generation,
            tick=tick,
            numbers=dict(self._numbers),
            covered={pair: since for shard in shards for pair, since in shard.covered.items()},
            position=position,
            behind=behind,
            listeners=listeners,
            changes=relay.changes,
            complete=complete,
        )

    def write(self, tick: Tick, changes_after: str) -> Written:
        """Append the events, write the beat and the checkpoint, and read the change log, in one round trip.

        Raises StoreDown; the same tick may then be written again, and what it has written already is not written twice. Raises
        ValueError for a tick whose numbers do not go on from those before, and for another tick after one whose reply was lost.
        """
        numbers = self._continued(tick)
        parts = Part.of(tick)
        self._unanswered = tick
        *written, changes = self.store.run(
            *(self._append(number, part, tick.tick) for number, part in parts.items()),
            self._beat(tick, parts, changes_after),
            self.registry.read_changes(changes_after),
        )
        self._unanswered = None
        if not all(written):
            return Written(fenced=True, position=changes_after)
        self._complete = tick.tick
        self._numbers |= numbers
        found, position = self.registry.changes_of(changes, changes_after)
        return Written(fenced=False, changes=found, position=position)

    def replay(self, pairs: Collection[str], after: int, until: int) -> Replay:
        """Read the logged events of these pairs in the ticks after ``after`` up to ``until``; those of a tick are in order for each
        symbol. ``A.*`` among the pairs stands for all pairs of its channel. Raises StoreDown.
        """
        wanted = PairFilter.of(pairs)
        replays = {number: ShardReplay(wanted, until, after, after) for number in sorted(wanted.shards())}
        while unread := {number: replay for number, replay in replays.items() if not replay.done}:
            replies = iter(self.store.run(*(each for item in unread.items() for each in self._page(*item))))
            for replay, last, entries in zip(unread.values(), replies, replies, strict=True):
                replay.take(last, entries, PAGE)
        events = sorted((event for replay in replays.values() for event in replay.events), key=lambda event: event[0])
        return Replay(events, max((replay.complete_from for replay in replays.values()), default=after))

    def drop(self, connection: str) -> None:
        """Take a connection that is gone out of the registry. Raises StoreDown."""
        self.registry.close(connection, self.now_ms())

    def stop(self, changes_after: str) -> bool:
        """Write that no relay runs. False where the change log has something newer, which is for this relay to serve then. True
        also where another relay has begun: it serves what is newer. Raises StoreDown.
        """
        command = call(_STOP, [self._relay("relay"), self._relay("chg")], self._epoch, changes_after)
        stopped = bool(self.store.run(command)[0])
        if stopped:
            # Of no generation: whatever this relay still wrote would be refused.
            self._generation = 0
        return stopped

    def _found(self, epoch: int, generation: int, tick: int, complete: int) -> bool:
        """Begin the generation everywhere, or go on with it."""
        shards = (
            call(_FOUND_SHARD, [self._shard(number, "log"), self._shard(number, "m")], epoch, generation, tick)
            for number in range(SHARDS)
        )
        return all(self.store.run(call(_FOUND, [self._relay("relay")], epoch, generation, complete), *shards))

    def _append(self, number: int, part: Part, tick: int) -> Command:
        oldest = max(0, tick - self.history_ms)
        words = self._epoch, self._generation, tick, oldest, self.history_ms, *part.words()
        return call(_APPEND, [self._shard(number, "log"), self._shard(number, "m")], *words)

    def _beat(self, tick: Tick, parts: Collection[int], changes_after: str) -> Command:
        words = (
            self._epoch,
            self._generation,
            tick.tick,
            self._complete,
            "".join(map(str, parts)),
            tick.acknowledged or changes_after,
        )
        return call(_BEAT, [self._relay("relay"), self._relay("pos")], *words, checkpoint_text(tick))

    def _page(self, number: int, replay: ShardReplay) -> tuple[Command, Command]:
        """Read the last tick that a shard knows, and a page of its log."""
        last = plain("HGET", self._shard(number, "m"), "t")
        return last, plain("XRANGE", self._shard(number, "log"), f"{replay.at + 1}-0", "+", "COUNT", PAGE)

    def _continued(self, tick: Tick) -> dict[str, int]:
        """The last number of each pair in a tick. Raises ValueError where a number repeats or jumps."""
        lost = self._unanswered
        if lost is not None and (lost.tick, lost.events) != (tick.tick, tick.events):
            raise ValueError("after a lost reply the same tick has to be written again")
        numbers: dict[str, int] = {}
        for event in tick.events:
            before = numbers.get(event.pair) or self._numbers.get(event.pair, 0)
            if event.number != before + 1:
                raise ValueError(f"{event.pair}: number {event.number} follows {before}")
            numbers[event.pair] = event.number
        return numbers

    def _shard(self, number: int, name: str) -> str:
        return keys.stream_shard(self.store.prefix, number, name)

    def _relay(self, name: str) -> str:
        return keys.stream(self.store.prefix, name)
