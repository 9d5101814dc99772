"""A store that is slow at one step of a sign-in, or never takes it. It speaks as much of Redis's protocol as a sign-in needs, and
is a cluster of one node for those who ask.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from hiredis import Reader

from tests.patience import HANG_S

type Step = Literal["TLS", "AUTH"]

SLOW_S: Final = 0.1
"""The least time that a slow step takes, in seconds. On a busy machine it takes longer, which tests the same."""


@dataclass(slots=True)
class SlowStore:
    """``slow``: the step that takes SLOW_S. ``stuck``: the step that is never taken. ``names``: every command that came, by name.
    ``left``: for each client that was stuck, whether it has gone by itself.
    """

    port: int
    slow: Step | None
    stuck: Step | None
    context: ssl.SSLContext | None
    names: list[str] = field(default_factory=list)
    left: list[bool] = field(default_factory=list)
    _signed_in: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its URL, with a user and a password."""
        return f"{'rediss' if self.context else 'redis'}://user:password@127.0.0.1:{self.port}/0"

    def serve(self, client: socket.socket) -> None:
        """Serve one connection until the client leaves it."""
        with suppress(OSError), client:
            if not self._takes("TLS", client):
                return
            if self.context is None:
                self._answer(client)
            else:
                with self.context.wrap_socket(client, server_side=True) as wrapped:
                    self._answer(wrapped)

    def hang_up(self) -> None:
        """Leave the clients that are signed in."""
        for client in self._signed_in:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _answer(self, client: socket.socket) -> None:
        reader = Reader()
        while data := client.recv(4096):
            reader.feed(data)
            while (command := reader.gets()) is not False:
                name = command[0].decode()
                self.names.append(name)
                if name == "AUTH" and not self._takes("AUTH", client):
                    return
                client.sendall(self._reply(name))
                self._signed_in.append(client)

    def _takes(self, step: Step, client: socket.socket) -> bool:
        """Whether this step goes on after its pause."""
        if step == self.stuck:
            client.settimeout(HANG_S)
            try:
                # A greeting may lie there already: only the end says that the client has gone.
                while client.recv(4096):
                    pass
            except TimeoutError:
                self.left.append(False)
            else:
                self.left.append(True)
            return False
        if step == self.slow:
            threading.Event().wait(SLOW_S)
        return True

    def _reply(self, name: str) -> bytes:
        match name:
            case "CLUSTER":  # its slots
                return b"*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n+127.0.0.1\r\n:%d\r\n+node\r\n" % self.port
            case "COMMAND":  # the commands that it knows, and where their keys are
                return b"*1\r\n*6\r\n+get\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n"
            case "GET":
                return b"+value\r\n"
        return b"+OK\r\n"


@contextmanager
def slow_store(
    *, slow: Step | None = None, stuck: Step | None = None, certificate: tuple[Path, Path] | None = None
) -> Iterator[SlowStore]:
    """Run such a store. ``certificate``: the files of its certificate and its key; without them it speaks no TLS."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    serving: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        store = SlowStore(listener.getsockname()[1], slow, stuck, context)

        def accept() -> None:
            while True:
                client, _ = listener.accept()
                thread = threading.Thread(target=store.serve, args=[client])
                serving.append(thread)
                thread.start()

        def until_closed() -> None:
            with suppress(OSError):
                accept()

        accepting = threading.Thread(target=until_closed)
        accepting.start()
        try:
            yield store
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            store.hang_up()
            for thread in serving:
                thread.join()
