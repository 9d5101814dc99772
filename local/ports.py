"""Ports of this machine: free ones, and listening on them."""

import socket
from contextlib import closing
from typing import Final

HOST: Final = "127.0.0.1"
WAITING: Final = 1024
"""Connections that may wait to be accepted."""


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def listen(port: int = 0) -> socket.socket:
    """A socket that listens (0: on a free port). Raises OSError.

    Its protocol is named, because only then does asyncio turn Nagle's algorithm off: without it each answer on a kept
    connection takes 40 ms more.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(WAITING)
    return listener
