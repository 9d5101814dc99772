"""A relay on the journal and the registry of a real store, between an upstream and clients that tests drive."""

from dekr.stream.cursor import StreamCursor
from dekr.stream.journal import StoreJournal
from dekr.stream.pairs import pairs_of
from dekr.stream.ports import ChangeKind
from dekr.stream.registry import Registry
from dekr.stream.relay.pace import Ending
from tests.fakes.relay_journal import Memory
from tests.fakes.relay_world import Step, World
from tests.integration.stream.registries import ADDRESS, subscriber
from tests.still_link import StillLink


class RegistryMemory(Memory):
    """What clients do goes to the registry."""

    registry: Registry

    def subscribe(
        self,
        connection: str,
        *pairs: str,
        since: StreamCursor | None = None,
        snapshot: bool = False,
        opened_ms: int = 0,
        overtaken: tuple[str, ...] = (),
    ) -> None:
        at_ms = self.now_ms()
        if self.registry.find(connection) is None:
            assert self.registry.open(connection, ADDRESS, opened_ms or at_ms)
            self.registry.admit(connection, subscriber(user=connection), at_ms)
            self.registry.release(connection)
        assert not overtaken
        self.registry.change(connection, ChangeKind.ADD, pairs_of(pairs), at_ms, since=since, snapshot=snapshot)

    def unsubscribe(self, connection: str, *pairs: str, overtaken: tuple[str, ...] = ()) -> None:
        assert not overtaken
        self.registry.change(connection, ChangeKind.REMOVE, pairs_of(pairs), self.now_ms())

    def leave(self, connection: str) -> None:
        self.registry.close(connection, self.now_ms())


class StoreWorld(World):
    """The surroundings of a relay whose memory is a real store."""

    def __init__(self, link: StillLink) -> None:
        memory = RegistryMemory()
        memory.registry = Registry(link)
        super().__init__(memory)
        self.registry = memory.registry
        self.link = link
        link.clock.at_us = self.us

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self.link.clock.at_us = max(self.link.clock.at_us, self.us)

    def journal(self) -> StoreJournal:
        return StoreJournal(self.link, self.registry, lambda: self.ms)

    def serve(self, *steps: Step, epoch: int = 1) -> Ending | None:
        return self.run(*steps, epoch=epoch, journal=self.journal())
