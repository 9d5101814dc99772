"""The registry as a slow and obvious model: lists and dictionaries, every limit counted anew each time."""

from dataclasses import dataclass, field, replace

from dekr.stream.pairs import Pair
from dekr.stream.ports import Change, ChangeKind, Listener, State, Subscriber
from dekr.stream.registry import Admitted, Changed, Counts, DueReason, Heard
from dekr.tiers import Tier

MINUTE_MS = 60_000
ALL_SYMBOLS = {"A.*": "stream_all_seconds", "AM.*": "stream_all_minutes"}


@dataclass
class Message:
    kind: ChangeKind
    pairs: list[str]
    at_ms: int


@dataclass
class Connection:
    address: str
    opened_ms: int
    step_ms: int
    state: State = State.NEW
    greeted: bool = False
    who: Subscriber | None = None
    admitted_ms: int = 0
    evicted: tuple[str, ...] = ()
    held: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    parked: list[Message] = field(default_factory=list)
    debt_us: float = 0.0
    paid_us: int = 0


def symbols(pairs: "set[str] | dict[str, int]") -> set[str]:
    return {pair.split(".", 1)[1] for pair in pairs} - {"*"}


@dataclass
class Model:
    """``now_us``: the store's clock. ``running``: whether a relay runs.
    ``woken_us``: when one was woken last, ``woken_by`` by whose message.
    """

    now_us: int = 0
    running: bool = False
    woken_us: int = 0
    woken_by: tuple[str, int] = ("", 0)
    connections: dict[str, Connection] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)
    evictions: dict[str, list[int]] = field(default_factory=dict)
    log: list[Change] = field(default_factory=list)

    def at(self, now_us: int) -> "Model":
        """The same model, once the store's clock shows this."""
        self.now_us = now_us
        return self

    @property
    def now_ms(self) -> int:
        return self.now_us // 1_000

    def open(self, connection: str, address: str, at_ms: int) -> bool:
        if connection in self.connections:
            return True
        if self.now_ms - self.closed.get(connection, 0) <= 10 * MINUTE_MS:
            return False
        if sum(each.address == address and each.who is None for each in self.connections.values()) >= 20:
            return False
        opened_ms = at_ms if abs(at_ms - self.now_ms) <= MINUTE_MS else self.now_ms
        self.connections[connection] = Connection(address, opened_ms, opened_ms)
        return True

    def greet(self, connection: str) -> bool:
        found = self.connections.get(connection)
        if found is None or found.greeted:
            return False
        found.greeted = True
        return True

    def hear(self, connection: str) -> Heard:
        found = self.connections.get(connection)
        if found is None:
            return Heard(State.GONE, False, None, 0)
        # A bucket of 30 that gains one in 100 ms.
        found.debt_us = max(0.0, found.debt_us - (self.now_us - found.paid_us))
        found.paid_us = self.now_us
        flooding = found.debt_us + 100_000 > 30 * 100_000
        if not flooding:
            found.debt_us += 100_000
        return Heard(found.state, flooding, found.who, found.opened_ms)

    def admit(self, connection: str, who: Subscriber, at_ms: int) -> Admitted:
        found = self.connections.get(connection)
        if found is None:
            return Admitted(State.GONE)
        if found.who is not None:
            same = found.who.user == who.user
            return Admitted(found.state, found.evicted if same and at_ms == found.admitted_ms else (), other=not same)
        sockets = self._sockets(who.user)
        surplus = len(sockets) + 1 - max(1, who.tier.policy.sockets)
        recent = [each for each in self.evictions.get(who.user, []) if self.now_ms - each < MINUTE_MS]
        if surplus > 0 and len(recent) >= 5:
            return Admitted(State.NEW, refused=True)
        evicted = sockets[: max(0, surplus)]
        for each in evicted:
            self.close(each, at_ms)
            recent.append(self.now_ms)
        self.evictions[who.user] = recent
        found.state, found.who, found.admitted_ms, found.step_ms = State.ADMITTED, who, at_ms, self.now_ms
        found.evicted = tuple(evicted)
        return Admitted(State.ADMITTED, tuple(evicted))

    def release(self, connection: str) -> Changed:
        found = self.connections.get(connection)
        if found is None:
            return Changed(State.GONE)
        if found.state is not State.ADMITTED:
            return Changed(found.state)
        found.state = State.LISTENING
        outcomes = [self._apply(connection, found, message) for message in found.parked]
        wants = any(each.wake for each in outcomes)
        found.parked = []
        refused = [pair for each in outcomes for pair in each.refused]
        return Changed(
            State.LISTENING,
            0,
            tuple(pair for each in outcomes for pair in each.over),
            wants and self._wakes(connection, 0),
            tuple(refused),
        )

    def change(self, connection: str, kind: ChangeKind, pairs: list[Pair], at_ms: int) -> Changed:
        found = self.connections.get(connection)
        if found is None:
            return Changed(State.GONE)
        texts = list(dict.fromkeys(pair.text for pair in pairs))
        if found.state is State.LISTENING:
            changed = self._apply(connection, found, Message(kind, texts, at_ms))
            return replace(changed, wake=changed.wake and self._wakes(connection, at_ms))
        room = 1_000 - sum(len(message.pairs) for message in found.parked)
        found.parked.append(Message(kind, texts[:room], at_ms))
        return Changed(found.state, 1_000 - room + len(texts[:room]), tuple(texts[room:]))

    def close(self, connection: str, at_ms: int) -> None:
        self.closed[connection] = self.now_ms
        found = self.connections.pop(connection, None)
        if found is None or found.who is None:
            return
        self._note(connection, found, ChangeKind.GONE, [], [], at_ms)
        if not self._sockets(found.who.user):
            self.evictions.pop(found.who.user, None)

    def demote(self, connection: str, who: Subscriber) -> Changed:
        found = self.connections.get(connection)
        if found is None:
            return Changed(State.GONE)
        if found.who is None or found.who.user != who.user:
            return Changed(found.state)
        before, sockets = len(self.log), self._sockets(who.user)
        own = [each for each in sockets if self._who(each).key_id == found.who.key_id]
        evicted = own[:-1][: max(0, len(sockets) - max(1, who.tier.policy.sockets))]
        for each in evicted:
            self.close(each, self.now_ms)
        kept = self._oldest_symbols(who)
        for each in own[len(evicted) :]:
            mine = self.connections[each]
            mine.who = replace(self._who(each), tier=who.tier)
            lost = sorted(pair for pair in mine.held if self._missing(who.tier, pair) or not symbols({pair}) <= kept)
            for pair in lost:
                del mine.held[pair]
            if lost:
                self._note(each, mine, ChangeKind.REMOVE, lost, [], self.now_ms)
        if connection in evicted:
            return Changed(State.GONE, evicted=tuple(evicted))
        lost = [pair for each in self.log[before:] if each.connection == connection for pair in each.pairs]
        refused = [pair for pair in lost if self._missing(who.tier, pair)]
        over = tuple(pair for pair in lost if pair not in refused)
        return Changed(found.state, 0, over, False, tuple(refused), tuple(evicted))

    def _oldest_symbols(self, who: Subscriber) -> set[str]:
        """As many symbols as the tier allows, those that the user has had on any socket for longest."""
        since: dict[str, int] = {}
        for each in self._sockets(who.user):
            for pair, moment in self.connections[each].held.items():
                for symbol in symbols({pair}):
                    since[symbol] = min(since.get(symbol, moment), moment)
        return set(sorted(since, key=lambda symbol: (since[symbol], symbol))[: who.tier.policy.stream_symbols])

    def due(self, now_ms: int) -> dict[str, DueReason]:
        due: dict[str, DueReason] = {}
        for name, each in self.connections.items():
            if each.opened_ms <= now_ms - 120 * MINUTE_MS:
                due[name] = DueReason.EXPIRED
            elif each.who and each.who.ends_ms and each.who.ends_ms <= now_ms:
                due[name] = DueReason.TOKEN_ENDED
            elif each.state is not State.LISTENING and each.step_ms <= now_ms - MINUTE_MS // 2:
                due[name] = DueReason.AUTH_TIMEOUT
        return due

    def listeners(self) -> dict[str, Listener]:
        return {
            name: Listener(name, self._who(name), frozenset(each.held), each.opened_ms)
            for name, each in self.connections.items()
            if each.state is State.LISTENING
        }

    def counts(self) -> Counts:
        signed = [each for each in self.connections.values() if each.who]
        pairs = sum(len(each.held) for each in signed)
        return Counts(len(self.connections), len(signed), len({each.who.user for each in signed if each.who}), pairs)

    def _apply(self, connection: str, found: Connection, message: Message) -> Changed:
        assert found.who
        taken: list[str] = []
        overtaken: list[str] = []
        over: list[str] = []
        refused: list[str] = []
        for pair in message.pairs:
            in_use = {
                symbol for each in self._sockets(found.who.user) for symbol in symbols(self.connections[each].held)
            }
            adds = message.kind is ChangeKind.ADD
            if adds and self._missing(found.who.tier, pair):
                refused.append(pair)
            elif message.at_ms < max(found.held.get(pair, 0), found.removed.get(pair, 0)):
                overtaken.append(pair)
            elif not adds:
                found.held.pop(pair, None)
                found.removed[pair] = message.at_ms
                taken.append(pair)
            elif pair not in found.held and len(in_use | symbols({pair})) > max(
                len(in_use), found.who.tier.policy.stream_symbols
            ):
                over.append(pair)
            else:
                found.removed.pop(pair, None)
                found.held[pair] = message.at_ms
                taken.append(pair)
        if taken or overtaken:
            self._note(connection, found, message.kind, taken, overtaken, message.at_ms)
        wants = bool(taken) and message.kind is ChangeKind.ADD
        return Changed(found.state, 0, tuple(over), wants, tuple(refused))

    def _wakes(self, connection: str, at_ms: int) -> bool:
        """Whether whoever sends this message is the one to start a relay: the first of two seconds, also when it asks again."""
        if self.running:
            return False
        if self.now_us - self.woken_us < 2_000_000:
            return self.woken_by == (connection, at_ms)
        self.woken_us, self.woken_by = self.now_us, (connection, at_ms)
        return True

    def _note(
        self,
        connection: str,
        found: Connection,
        kind: ChangeKind,
        pairs: list[str],
        overtaken: list[str],
        at_ms: int,
    ) -> None:
        self.log.append(
            Change(
                connection,
                kind,
                tuple(pairs),
                tuple(overtaken),
                at_ms,
                subscriber=found.who,
                opened_ms=found.opened_ms,
            )
        )

    def _sockets(self, user: str) -> list[str]:
        """The sockets of a user, oldest first."""
        own = [name for name, each in self.connections.items() if each.who and each.who.user == user]
        return sorted(own, key=lambda name: (self.connections[name].admitted_ms, name))

    def _who(self, name: str) -> Subscriber:
        who = self.connections[name].who
        assert who
        return who

    @staticmethod
    def _missing(tier: Tier, pair: str) -> str | None:
        needed = ["streaming", *([ALL_SYMBOLS[pair]] if pair in ALL_SYMBOLS else [])]
        return next((feature for feature in needed if feature not in tier.policy.features), None)


def replayed(changes: list[Change]) -> dict[str, frozenset[str]]:
    """The pairs of each connection that a relay knows that has followed the change log from its beginning."""
    known: dict[str, set[str]] = {}
    for change in changes:
        if change.kind is ChangeKind.GONE:
            known.pop(change.connection, None)
            continue
        pairs = known.setdefault(change.connection, set())
        if change.kind is ChangeKind.ADD:
            pairs.update(change.pairs)
        else:
            pairs.difference_update(change.pairs)
    return {connection: frozenset(pairs) for connection, pairs in known.items() if pairs}
