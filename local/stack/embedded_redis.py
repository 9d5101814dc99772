"""A Redis server in Python with Lua (fakeredis), run as a process of its own, for machines without an installed Redis."""

from collections.abc import Callable
from typing import Any

from fakeredis import TcpFakeServer
from fakeredis._clients._tcp_server import TCPFakeRequestHandler
from redis.exceptions import RedisError


class Handler(TCPFakeRequestHandler):
    """One client's connection, with two differences of fakeredis from Redis removed.

    fakeredis hangs up after every error reply, which breaks a pipeline whose first script is not loaded yet; Redis goes
    on. fakeredis also writes a pipeline's replies one by one, which takes 40 ms more unless TCP_NODELAY is set.
    """

    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Turn errors raised for the client's commands into error replies."""
        super().setup()
        read: Callable[[], Any] = self.current_client.read_response

        def reply() -> Any:
            try:
                return read()
            except RedisError as error:
                return error

        setattr(self.current_client, "read_response", reply)  # noqa: B010 - mypy forbids assigning to a method of one object


if __name__ == "__main__":
    server = TcpFakeServer(("127.0.0.1", 0), bind_and_activate=False)
    server.request_queue_size = 128
    server.RequestHandlerClass = Handler
    server.server_bind()
    server.server_activate()
    print(f"listening on redis://127.0.0.1:{server.server_address[1]}/0", flush=True)
    server.serve_forever()
