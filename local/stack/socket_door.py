"""The address that clients of the stream connect to: API Gateway's WebSocket data plane with its limits, in front of one function.

``python -m local.stack.socket_door`` serves a function behind the Lambda API; tests open one in their own process (``serving``).
"""

import argparse
import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import httpx

from local.ports import HOST, listen
from local.stack.sockets.door import API, STAGE, SocketDoor
from local.stack.sockets.integrations import LambdaApi
from local.stack.sockets.limits import Limits

MARGIN_S: Final = 1.0
"""The time that the Lambda API gets beyond the function's own, in seconds."""

INVOCATIONS: Final = 4
"""So many events are with the function at once. The emulator starts a process for each that finds none idle, and processes that all
start together on a few cores are all too late.
"""

MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Serving:
    """A door that is open in a background thread, at a port of this machine."""

    door: SocketDoor
    port: int
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        """The address for clients: ``ws://127.0.0.1:<port>/stocks``."""
        return url_at(self.port)

    @property
    def endpoint(self) -> str:
        """The URL below which ``/@connections`` are."""
        return f"http://{HOST}:{self.port}/{STAGE}"

    def do[R](self, work: Callable[[], R]) -> R:
        """Call something in the door's thread, which alone may touch its connections, and return what it returns."""

        async def call() -> R:
            return work()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result()


def url_at(port: int) -> str:
    """The address for clients of the door at a port."""
    return f"ws://{HOST}:{port}/{STAGE}"


@contextmanager
def serving(door: SocketDoor) -> Iterator[Serving]:
    """Open a door in a background thread while the context lasts."""
    with listen() as listener:
        listener.setblocking(False)
        loop = asyncio.new_event_loop()
        ends: list[asyncio.Task[None]] = []
        ready = threading.Event()

        async def run() -> None:
            task = asyncio.create_task(door.serve(listener))
            ends.append(task)
            ready.set()
            with suppress(asyncio.CancelledError):
                await task

        thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
        thread.start()
        try:
            ready.wait()
            yield Serving(door, listener.getsockname()[1], loop)
        finally:
            loop.call_soon_threadsafe(ends[0].cancel)
            thread.join()
            loop.close()


async def _serve(listener: socket.socket, endpoint: str, function: str, api_id: str, offset_us: int) -> None:
    loop = asyncio.get_running_loop()
    limits = Limits(invocations=INVOCATIONS)
    pool = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(timeout=limits.integration_s + MARGIN_S, limits=pool, trust_env=False) as client:
        integration = LambdaApi(client, endpoint, function)
        door = SocketDoor(
            integration, limits=limits, now_s=lambda: time.time() + offset_us / MICROSECONDS, api_id=api_id
        )
        task = asyncio.create_task(door.serve(listener))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        print(f"listening on {url_at(listener.getsockname()[1])}", flush=True)
        with suppress(asyncio.CancelledError):
            await task


def main() -> None:
    """Serve until told to end, on a socket that was inherited or on one of its own. The address is printed to standard output."""
    parser = argparse.ArgumentParser(prog="python -m local.stack.socket_door", description=__doc__)
    parser.add_argument("--target", required=True, help="where the Lambda API listens")
    parser.add_argument("--function", required=True, help="the function's name, with its alias behind a colon")
    parser.add_argument("--api", default=API, help="the API's id, for the events (default: %(default)s)")
    parser.add_argument("--socket", type=int, help="the file descriptor of a socket that listens already")
    parser.add_argument("--clock-offset-us", type=int, default=0, help="added to the machine's clock (default: 0)")
    options = parser.parse_args()
    listener = listen() if options.socket is None else socket.socket(fileno=options.socket)
    listener.setblocking(False)
    asyncio.run(_serve(listener, options.target, options.function, options.api, options.clock_offset_us))


if __name__ == "__main__":
    main()
