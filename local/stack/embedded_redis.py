"""A Redis in Python, Lua included (fakeredis), in a process of its own, for machines that have none installed."""

from collections.abc import Callable
from typing import Any

from fakeredis import TcpFakeServer
from fakeredis._clients._tcp_server import TCPFakeRequestHandler
from redis.exceptions import RedisError


class Handler(TCPFakeRequestHandler):
    """One client's connection, closer to Redis in two points.

    fakeredis hangs up after every error reply, which breaks a pipeline whose first script is not loaded yet; Redis goes on.
    And it writes a pipeline's replies one by one, which without TCP_NODELAY takes 40 ms more.
    """

    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Make the client's errors into replies."""
        super().setup()
        read: Callable[[], Any] = self.current_client.read_response

        def reply() -> Any:
            try:
                return read()
            except RedisError as error:
                return error

        setattr(self.current_client, "read_response", reply)  # noqa: B010 - a method of this one object


if __name__ == "__main__":
    server = TcpFakeServer(("127.0.0.1", 0), bind_and_activate=False)
    server.request_queue_size = 128
    server.RequestHandlerClass = Handler
    server.server_bind()
    server.server_activate()
    print(f"listening on redis://127.0.0.1:{server.server_address[1]}/0", flush=True)
    server.serve_forever()
