"""A Redis in Python, Lua included (fakeredis), in a process of its own, for machines that have none installed."""

from fakeredis import TcpFakeServer

if __name__ == "__main__":
    server = TcpFakeServer(("127.0.0.1", 0), bind_and_activate=False)
    server.request_queue_size = 128
    server.server_bind()
    server.server_activate()
    print(f"listening on redis://127.0.0.1:{server.server_address[1]}/0", flush=True)
    server.serve_forever()
