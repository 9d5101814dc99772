"""TCP ports of this machine: find a free one, listen on one, and keep its connections."""

import socket
from contextlib import closing
from typing import Final

HOST: Final = "127.0.0.1"
BACKLOG: Final = 1024
"""The number of connections that may wait to be accepted."""

KEEP_ALIVE_S: Final = 3_600
"""The time that a server keeps an idle connection, in seconds: longer than any client does. If both ended it at the same moment,
the request that is being sent on it would be lost.
"""


def free_port() -> int:
    """Return a TCP port that nothing listens on at the moment."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on a port of 127.0.0.1 (0: on a free port). Raises OSError if the port is taken.

    The protocol is named explicitly, because only then does asyncio turn Nagle's algorithm off: without it each answer
    on a kept connection takes 40 ms more.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(BACKLOG)
    return listener
