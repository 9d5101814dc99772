"""Lets containers reach servers that listen on 127.0.0.1 alone.

Whatever `--docker-network host` says, SAM (1.170) leaves its containers on Docker's own bridge, where the host is the bridge's
gateway: so the same ports are opened on that address, for containers only, and handed on.
"""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_network
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"


@contextmanager
def reachable_from_containers(*urls: str) -> Iterator[list[str]]:
    """Open the ports of URLs of 127.0.0.1 to containers while the context lasts. Yield the URLs as a container must write them."""
    gateway = _gateway()
    with ExitStack() as stack:
        for url in urls:
            port = urlsplit(url).port
            assert port
            server = stack.enter_context(_Server((gateway, port), _Forward))
            Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        yield [url.replace(LOOPBACK, gateway) for url in urls]


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Forward(BaseRequestHandler):
    request: socket.socket

    def handle(self) -> None:
        port = self.request.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)) as inner:
            back = Thread(target=_copy, args=(inner, self.request))
            back.start()
            _copy(self.request, inner)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _gateway() -> str:
    command = ["docker", "network", "inspect", "bridge", "--format", "{{json (index .IPAM.Config 0)}}"]
    network = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603 - ours
    # Where Docker does not name the gateway it is the network's first address.
    return network.get("Gateway") or str(next(ip_network(network["Subnet"]).hosts()))
