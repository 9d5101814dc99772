"""Count round trips on a link's own connection. Each send is one, because the link then reads all replies."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dekr.store.link import Link


class RoundTrips:
    """A counter of round trips. ``count``: how often the connection has sent."""

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def counted(link: Link) -> Iterator[RoundTrips]:
    """Count the round trips of a link while the block runs."""
    trips = RoundTrips()
    connection: Any = link.connection
    send = connection.send_packed_command

    def counting(*args: Any, **options: Any) -> None:
        trips.count += 1
        send(*args, **options)

    connection.send_packed_command = counting
    try:
        yield trips
    finally:
        del connection.send_packed_command
